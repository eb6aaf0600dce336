"""The superblock of a hash area, which tells `veritysetup` everything except the root hash.

Source: lib/verity/verity.c of cryptsetup, VERITY_write_sb.
"""

from __future__ import annotations

from typing import Final

from pyext4.ondisk.verity import (
    VERITY_HASH_TYPE_NORMAL,
    VERITY_SIGNATURE,
    VERITY_VERSION,
    VeritySuperblock,
)
from pyext4.packer import Packer
from pyext4.verity.result import ALGORITHM, HASH_BLOCK_BYTES, Verity

__all__ = ["MAX_SALT_BYTES", "superblock"]

MAX_SALT_BYTES: Final = VeritySuperblock.salt.length

_SUPERBLOCK = Packer(VeritySuperblock, zero=("_pad1", "_pad2"))


def superblock(verity: Verity) -> bytes:
    """Return the block at `hash_offset`."""
    return _SUPERBLOCK.pack(
        signature=VERITY_SIGNATURE,
        version=VERITY_VERSION,
        hash_type=VERITY_HASH_TYPE_NORMAL,
        uuid=verity.uuid.bytes,
        algorithm=ALGORITHM.encode().ljust(32, b"\0"),
        data_block_size=verity.data_block_bytes,
        hash_block_size=HASH_BLOCK_BYTES,
        data_blocks=verity.data_blocks,
        salt_size=len(verity.salt),
        salt=verity.salt.ljust(MAX_SALT_BYTES, b"\0"),
    ).ljust(HASH_BLOCK_BYTES, b"\0")
