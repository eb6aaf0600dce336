"""The group descriptor: where a group's bitmaps and inode table are, and how much is free in it.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (group_descr.rst),
struct ext4_group_desc of fs/ext4/ext4.h.
"""

from __future__ import annotations

from typing import Final

from construct import Int16ul, Int32ul, Struct

__all__ = [
    "EXT4_BG_BLOCK_UNINIT",
    "EXT4_BG_INODE_UNINIT",
    "EXT4_BG_INODE_ZEROED",
    "GroupDesc",
    "GroupDesc32",
]

# bg_flags
EXT4_BG_INODE_UNINIT: Final = 0x0001  # no inode is in use; the bitmap was never written
EXT4_BG_BLOCK_UNINIT: Final = 0x0002  # the block bitmap was never written, compute it
EXT4_BG_INODE_ZEROED: Final = 0x0004  # the inode table is known to be zero where unused

GroupDesc32: Final = Struct(
    "bg_block_bitmap_lo" / Int32ul,  # 0x00: block of the block bitmap, low half
    "bg_inode_bitmap_lo" / Int32ul,  # 0x04: block of the inode bitmap, low half
    "bg_inode_table_lo" / Int32ul,  # 0x08: first block of the inode table, low half
    "bg_free_blocks_count_lo" / Int16ul,  # 0x0c: free blocks, low half
    "bg_free_inodes_count_lo" / Int16ul,  # 0x0e: free inodes, low half
    "bg_used_dirs_count_lo" / Int16ul,  # 0x10: directories, low half
    "bg_flags" / Int16ul,  # 0x12: EXT4_BG_*
    "bg_exclude_bitmap_lo" / Int32ul,  # 0x14: block of the snapshot bitmap, not in Linux
    "bg_block_bitmap_csum_lo" / Int16ul,  # 0x18: crc32c of the block bitmap, low half
    "bg_inode_bitmap_csum_lo" / Int16ul,  # 0x1a: crc32c of the inode bitmap, low half
    "bg_itable_unused_lo" / Int16ul,  # 0x1c: never used inodes at the table's end, low half
    "bg_checksum" / Int16ul,  # 0x1e: crc16, or the low half of crc32c, of this descriptor
)
"""The descriptor of a filesystem without the 64bit feature: 32 bytes."""

GroupDesc: Final = Struct(
    *GroupDesc32.subcons,
    "bg_block_bitmap_hi" / Int32ul,  # 0x20: block of the block bitmap, high half
    "bg_inode_bitmap_hi" / Int32ul,  # 0x24: block of the inode bitmap, high half
    "bg_inode_table_hi" / Int32ul,  # 0x28: first block of the inode table, high half
    "bg_free_blocks_count_hi" / Int16ul,  # 0x2c: free blocks, high half
    "bg_free_inodes_count_hi" / Int16ul,  # 0x2e: free inodes, high half
    "bg_used_dirs_count_hi" / Int16ul,  # 0x30: directories, high half
    "bg_itable_unused_hi" / Int16ul,  # 0x32: never used inodes, high half
    "bg_exclude_bitmap_hi" / Int32ul,  # 0x34: block of the snapshot bitmap, not in Linux
    "bg_block_bitmap_csum_hi" / Int16ul,  # 0x38: crc32c of the block bitmap, high half
    "bg_inode_bitmap_csum_hi" / Int16ul,  # 0x3a: crc32c of the inode bitmap, high half
    "bg_reserved" / Int32ul,  # 0x3c: zero
)
"""The descriptor of a filesystem with the 64bit feature: 64 bytes."""
