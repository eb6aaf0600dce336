"""The orphan file: empty blocks, in which a kernel notes inodes to clean up after a crash.

Source: fs/ext4/orphan.c, lib/ext2fs/orphan.c of e2fsprogs.
"""

from __future__ import annotations

from typing import Final

from pyext4.ondisk.orphan import EXT4_ORPHAN_BLOCK_MAGIC, OrphanBlockTail
from pyext4.packer import Packer
from pyext4.structures import checksum

__all__ = ["BLOCKS", "block_bytes"]

BLOCKS: Final = 32  # as mke2fs gives a filesystem of less than 512 MiB; larger ones get more
_TAIL = Packer(OrphanBlockTail)


def block_bytes(block: int, block_size: int, seed: int | None) -> bytes:
    """Return the bytes for `block`; `seed` is the inode's, or None for no checksum."""
    entries = bytes(block_size - _TAIL.size)
    crc = 0 if seed is None else checksum.numbered_block(seed, block, entries)
    return entries + _TAIL.pack(ob_magic=EXT4_ORPHAN_BLOCK_MAGIC, ob_checksum=crc)
