"""Files to hash, and a hash area made the slow way, directly from the format's description."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from uuid import UUID

__all__ = ["HASH_BLOCK", "SALT", "UUID_GIVEN", "data_of", "hash_area", "sparse_file"]

HASH_BLOCK = 4096
SALT = bytes(range(32))
UUID_GIVEN = UUID("00112233-4455-6677-8899-aabbccddeeff")


def data_of(size: int) -> bytes:
    """Return bytes of which no two blocks are alike."""
    return hashlib.shake_128(b"data").digest(size)


def sparse_file(path: Path, size: int, pieces: dict[int, bytes]) -> None:
    """Make a file with holes around the pieces."""
    with path.open("wb") as file:
        file.truncate(size)
        for offset, data in pieces.items():
            os.pwrite(file.fileno(), data, offset)


def hash_area(data: bytes, salt: bytes, uuid: UUID, block_size: int) -> tuple[bytes, bytes]:
    """Return the root hash and the area: a superblock, and the levels from the highest down."""

    def digests(data: bytes, size: int) -> list[bytes]:
        blocks = [data[begin : begin + size] for begin in range(0, len(data), size)]
        return [hashlib.sha256(salt + block).digest() for block in blocks]

    data = padded(data)
    found = digests(data, block_size)
    tree = b""
    while len(found) > 1:
        level = padded(b"".join(found))
        tree = level + tree
        found = digests(level, HASH_BLOCK)
    count = len(data) // block_size
    head = struct.pack(
        "<8sII16s32sIIQH6x256s168x",
        *(b"verity", 1, 1, uuid.bytes, b"sha256"),
        *(block_size, HASH_BLOCK, count, len(salt), salt),
    )
    return found[0], padded(head) + tree


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % HASH_BLOCK)
