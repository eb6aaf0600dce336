"""The digests of many blocks: sha256 of the salt and the block."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["DIGEST_BYTES", "WORKERS", "digests"]

DIGEST_BYTES: Final = 32

# hashlib takes and gives back the interpreter's lock for each block: with two threads that takes
# longer than with one
WORKERS: Final = 1


def digests(data: memoryview, block_size: int, salt: bytes) -> bytes:
    """Return the digests of all blocks of `data`, one behind the other."""
    salted = hashlib.sha256(salt)
    found = []
    for begin in range(0, len(data), block_size):
        digest = salted.copy()
        digest.update(data[begin : begin + block_size])
        found.append(digest.digest())
    return b"".join(found)
