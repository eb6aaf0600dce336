"""Directory blocks: entries in a row, and the hash tree laid over them.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (directory.rst),
struct ext4_dir_entry_2 of fs/ext4/ext4.h, struct dx_root and others of fs/ext4/namei.c.

The tree's root block is DirEntry2 and the name `.`, DirEntry2 and the name `..`, DxRootInfo, then
DxEntry up to DxTail; an inner node is one empty DirEntry2 over the whole block, then DxEntry up to
DxTail. In both the first DxEntry's hash is overlaid by DxCountLimit.
"""

from __future__ import annotations

from typing import Final

from construct import Int8ul, Int16ul, Int32ul, Struct

__all__ = [
    "DX_HASH_HALF_MD4",
    "DX_HASH_HALF_MD4_UNSIGNED",
    "DX_HASH_LEGACY",
    "DX_HASH_LEGACY_UNSIGNED",
    "DX_HASH_SIPHASH",
    "DX_HASH_TEA",
    "DX_HASH_TEA_UNSIGNED",
    "EXT4_DIR_ROUND",
    "EXT4_FT_BLKDEV",
    "EXT4_FT_CHRDEV",
    "EXT4_FT_DIR",
    "EXT4_FT_DIR_CSUM",
    "EXT4_FT_FIFO",
    "EXT4_FT_REG_FILE",
    "EXT4_FT_SOCK",
    "EXT4_FT_SYMLINK",
    "EXT4_FT_UNKNOWN",
    "EXT4_HTREE_EOF_32BIT",
    "EXT4_HTREE_LEVEL",
    "EXT4_HTREE_LEVEL_COMPAT",
    "EXT4_MAX_REC_LEN",
    "EXT4_NAME_LEN",
    "DirEntry2",
    "DirEntryTail",
    "DxCountLimit",
    "DxEntry",
    "DxRootInfo",
    "DxTail",
]

EXT4_NAME_LEN: Final = 255  # bytes
EXT4_DIR_ROUND: Final = 4  # entries begin at multiples of this
EXT4_MAX_REC_LEN: Final = (1 << 16) - 1  # means 65536 with 64 KiB blocks

# file_type
EXT4_FT_UNKNOWN: Final = 0
EXT4_FT_REG_FILE: Final = 1
EXT4_FT_DIR: Final = 2
EXT4_FT_CHRDEV: Final = 3
EXT4_FT_BLKDEV: Final = 4
EXT4_FT_FIFO: Final = 5
EXT4_FT_SOCK: Final = 6
EXT4_FT_SYMLINK: Final = 7
EXT4_FT_DIR_CSUM: Final = 0xDE  # marks DirEntryTail

# hash_version and s_def_hash_version; the unsigned ones are never stored in a directory
DX_HASH_LEGACY: Final = 0
DX_HASH_HALF_MD4: Final = 1
DX_HASH_TEA: Final = 2
DX_HASH_LEGACY_UNSIGNED: Final = 3
DX_HASH_HALF_MD4_UNSIGNED: Final = 4
DX_HASH_TEA_UNSIGNED: Final = 5
DX_HASH_SIPHASH: Final = 6

EXT4_HTREE_LEVEL_COMPAT: Final = 2  # levels of index blocks without large_dir
EXT4_HTREE_LEVEL: Final = 3  # levels of index blocks with large_dir
EXT4_HTREE_EOF_32BIT: Final = (1 << 31) - 1  # a hash of twice this marks the end, so none has it

DirEntry2: Final = Struct(
    "inode" / Int32ul,  # 0x0: inode number, 0: the entry is unused
    "rec_len" / Int16ul,  # 0x4: bytes to the next entry
    "name_len" / Int8ul,  # 0x6: bytes of the name, which follows
    "file_type" / Int8ul,  # 0x7: EXT4_FT_*, with filetype
)

DirEntryTail: Final = Struct(
    "det_reserved_zero1" / Int32ul,  # 0x0: makes it an unused entry to code that doesn't know tails
    "det_rec_len" / Int16ul,  # 0x4: 12
    "det_reserved_zero2" / Int8ul,  # 0x6: no name
    "det_reserved_ft" / Int8ul,  # 0x7: EXT4_FT_DIR_CSUM
    "det_checksum" / Int32ul,  # 0x8: crc32c of the block up to the tail
)

DxRootInfo: Final = Struct(
    "reserved_zero" / Int32ul,  # 0x0: zero
    "hash_version" / Int8ul,  # 0x4: DX_HASH_*
    "info_length" / Int8ul,  # 0x5: 8
    "indirect_levels" / Int8ul,  # 0x6: index blocks between the root and the leaves
    "unused_flags" / Int8ul,  # 0x7: zero
)

DxEntry: Final = Struct(
    "hash" / Int32ul,  # 0x0: lowest hash in the child; bit 0: goes on from the child before
    "block" / Int32ul,  # 0x4: the child's block inside the directory
)

DxCountLimit: Final = Struct(
    "limit" / Int16ul,  # 0x0: room for this many entries
    "count" / Int16ul,  # 0x2: entries in use
)

DxTail: Final = Struct(
    "dt_reserved" / Int32ul,  # 0x0: zero
    "dt_checksum" / Int32ul,  # 0x4: crc32c of the block up to the last entry, and dt_reserved
)
