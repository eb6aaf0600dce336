"""Extent trees: a header, then entries of 12 bytes, in i_block or in a separate block.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (ifork.rst),
fs/ext4/ext4_extents.h.
"""

from __future__ import annotations

from typing import Final

from construct import Int16ul, Int32ul, Struct

__all__ = [
    "EXT4_EXT_MAGIC",
    "EXT4_MAX_EXTENT_DEPTH",
    "EXT_INIT_MAX_LEN",
    "EXT_UNWRITTEN_MAX_LEN",
    "Extent",
    "ExtentHeader",
    "ExtentIdx",
    "ExtentTail",
]

EXT4_EXT_MAGIC: Final = 0xF30A
EXT4_MAX_EXTENT_DEPTH: Final = 5  # more is never needed: 4 * 340^5 leaves
EXT_INIT_MAX_LEN: Final = 1 << 15  # blocks; a larger ee_len means ee_len - this, unwritten
EXT_UNWRITTEN_MAX_LEN: Final = EXT_INIT_MAX_LEN - 1  # blocks

ExtentHeader: Final = Struct(
    "eh_magic" / Int16ul,  # 0x0: EXT4_EXT_MAGIC
    "eh_entries" / Int16ul,  # 0x2: entries in use
    "eh_max" / Int16ul,  # 0x4: room for this many entries
    "eh_depth" / Int16ul,  # 0x6: 0: Extent follows, else ExtentIdx
    "eh_generation" / Int32ul,  # 0x8: not used by Linux
)

Extent: Final = Struct(
    "ee_block" / Int32ul,  # 0x0: first block inside the file
    "ee_len" / Int16ul,  # 0x4: blocks; over EXT_INIT_MAX_LEN: unwritten
    "ee_start_hi" / Int16ul,  # 0x6: first block on the disk, high 16 bits
    "ee_start_lo" / Int32ul,  # 0x8: first block on the disk, low half
)

ExtentIdx: Final = Struct(
    "ei_block" / Int32ul,  # 0x0: first block inside the file that the child covers
    "ei_leaf_lo" / Int32ul,  # 0x4: the child's block, low half
    "ei_leaf_hi" / Int16ul,  # 0x8: the child's block, high 16 bits
    "ei_unused" / Int16ul,  # 0xa: zero
)

ExtentTail: Final = Struct(
    "et_checksum" / Int32ul,  # 0x0: crc32c of the block up to here; after eh_max entries
)
