"""The orphan file: blocks of inode numbers to clean up after a crash, each with a tail.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (orphan.rst),
struct ext4_orphan_block_tail of fs/ext4/ext4.h. Before the tail, a block is an array of 32-bit
inode numbers; 0 means unused.
"""

from __future__ import annotations

from typing import Final

from construct import Int32ul, Struct

__all__ = ["EXT4_ORPHAN_BLOCK_MAGIC", "OrphanBlockTail"]

EXT4_ORPHAN_BLOCK_MAGIC: Final = 0x0B10CA04

OrphanBlockTail: Final = Struct(
    "ob_magic" / Int32ul,  # 0x0: EXT4_ORPHAN_BLOCK_MAGIC
    "ob_checksum" / Int32ul,  # 0x4: crc32c of inode number, generation, block number and entries
)
