"""The inode: 128 bytes as in ext2, and the fields that larger inodes have after them.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (inodes.rst),
struct ext4_inode of fs/ext4/ext4.h. Where the kernel has a union for several operating systems,
these are the members for Linux.

In an inode of 256 bytes or more, attributes (`xattr.XattrIbodyHeader`) follow the fields that
i_extra_isize counts. With EXT4_INLINE_DATA_FL, the content itself is in i_block, and anything
beyond 60 bytes is in the attribute system.data; an inline directory begins with the parent's
inode number (32 bits) in place of `.` and `..`.
"""

from __future__ import annotations

from typing import Final

from construct import Bytes, Int16ul, Int32ul, Struct

__all__ = [
    "EXT4_APPEND_FL",
    "EXT4_BAD_INO",
    "EXT4_CASEFOLD_FL",
    "EXT4_DIND_BLOCK",
    "EXT4_EA_INODE_FL",
    "EXT4_ENCRYPT_FL",
    "EXT4_EPOCH_BITS",
    "EXT4_EPOCH_MASK",
    "EXT4_EXTENTS_FL",
    "EXT4_GRP_QUOTA_INO",
    "EXT4_HUGE_FILE_FL",
    "EXT4_IMMUTABLE_FL",
    "EXT4_INDEX_FL",
    "EXT4_IND_BLOCK",
    "EXT4_INLINE_DATA_FL",
    "EXT4_INLINE_DOTDOT_SIZE",
    "EXT4_JOURNAL_DATA_FL",
    "EXT4_JOURNAL_INO",
    "EXT4_LINK_MAX",
    "EXT4_MIN_INLINE_DATA_SIZE",
    "EXT4_NDIR_BLOCKS",
    "EXT4_N_BLOCKS",
    "EXT4_RESIZE_INO",
    "EXT4_ROOT_INO",
    "EXT4_TIND_BLOCK",
    "EXT4_USR_QUOTA_INO",
    "EXT4_VERITY_FL",
    "Inode",
    "Inode128",
]

# inode numbers with a meaning
EXT4_BAD_INO: Final = 1  # owns the bad blocks
EXT4_ROOT_INO: Final = 2  # the root directory
EXT4_USR_QUOTA_INO: Final = 3
EXT4_GRP_QUOTA_INO: Final = 4
EXT4_RESIZE_INO: Final = 7  # owns the blocks reserved for more group descriptors
EXT4_JOURNAL_INO: Final = 8

# i_flags
EXT4_IMMUTABLE_FL: Final = 0x00000010
EXT4_APPEND_FL: Final = 0x00000020
EXT4_ENCRYPT_FL: Final = 0x00000800
EXT4_INDEX_FL: Final = 0x00001000  # a directory with a hash tree
EXT4_JOURNAL_DATA_FL: Final = 0x00004000
EXT4_HUGE_FILE_FL: Final = 0x00040000  # i_blocks counts filesystem blocks, not 512 bytes
EXT4_EXTENTS_FL: Final = 0x00080000  # i_block holds an extent tree
EXT4_VERITY_FL: Final = 0x00100000
EXT4_EA_INODE_FL: Final = 0x00200000  # holds the value of a large attribute
EXT4_INLINE_DATA_FL: Final = 0x10000000  # i_block and system.data hold the content
EXT4_CASEFOLD_FL: Final = 0x40000000

# i_block without EXT4_EXTENTS_FL: block numbers, direct ones first
EXT4_NDIR_BLOCKS: Final = 12
EXT4_IND_BLOCK: Final = 12
EXT4_DIND_BLOCK: Final = 13
EXT4_TIND_BLOCK: Final = 14
EXT4_N_BLOCKS: Final = 15

EXT4_LINK_MAX: Final = 65000  # links of a file; a directory with dir_nlink has 1 from here on
EXT4_MIN_INLINE_DATA_SIZE: Final = 60  # bytes of content that i_block holds
EXT4_INLINE_DOTDOT_SIZE: Final = 4  # bytes of the parent's number in an inline directory

# i_*time_extra: the low bits extend the seconds, the others count nanoseconds
EXT4_EPOCH_BITS: Final = 2
EXT4_EPOCH_MASK: Final = (1 << EXT4_EPOCH_BITS) - 1

Inode128: Final = Struct(
    "i_mode" / Int16ul,  # 0x00: type and permissions, as in stat
    "i_uid" / Int16ul,  # 0x02: owner, low half
    "i_size_lo" / Int32ul,  # 0x04: size in bytes, low half
    "i_atime" / Int32ul,  # 0x08: last access, signed seconds since the epoch
    "i_ctime" / Int32ul,  # 0x0c: last change of the inode
    "i_mtime" / Int32ul,  # 0x10: last change of the content
    "i_dtime" / Int32ul,  # 0x14: deletion; next orphan's number while in the orphan list
    "i_gid" / Int16ul,  # 0x18: group, low half
    "i_links_count" / Int16ul,  # 0x1a: names that lead here
    "i_blocks_lo" / Int32ul,  # 0x1c: size on disk in 512-byte units, low half
    "i_flags" / Int32ul,  # 0x20: EXT4_*_FL
    "l_i_version" / Int32ul,  # 0x24: change counter; an ea_inode's reference count, high half
    "i_block" / Bytes(60),  # 0x28: extent tree, block map, link target, device number or content
    "i_generation" / Int32ul,  # 0x64: distinguishes it from earlier owners of the number, for NFS
    "i_file_acl_lo" / Int32ul,  # 0x68: block of attributes, low half
    "i_size_high" / Int32ul,  # 0x6c: size in bytes, high half
    "i_obso_faddr" / Int32ul,  # 0x70: obsolete
    "l_i_blocks_high" / Int16ul,  # 0x74: size on disk, high 16 bits, with huge_file
    "l_i_file_acl_high" / Int16ul,  # 0x76: block of attributes, high 16 bits
    "l_i_uid_high" / Int16ul,  # 0x78: owner, high half
    "l_i_gid_high" / Int16ul,  # 0x7a: group, high half
    "l_i_checksum_lo" / Int16ul,  # 0x7c: crc32c, low half
    "l_i_reserved" / Int16ul,  # 0x7e: zero
)
"""What every inode has: EXT4_GOOD_OLD_INODE_SIZE bytes."""

Inode: Final = Struct(
    *Inode128.subcons,
    "i_extra_isize" / Int16ul,  # 0x80: bytes of fields in use beyond 128, this one included
    "i_checksum_hi" / Int16ul,  # 0x82: crc32c, high half
    "i_ctime_extra" / Int32ul,  # 0x84: nanoseconds << EXT4_EPOCH_BITS | more bits of i_ctime
    "i_mtime_extra" / Int32ul,  # 0x88: the same for i_mtime
    "i_atime_extra" / Int32ul,  # 0x8c: the same for i_atime
    "i_crtime" / Int32ul,  # 0x90: creation, signed seconds since the epoch
    "i_crtime_extra" / Int32ul,  # 0x94: the same for i_crtime
    "i_version_hi" / Int32ul,  # 0x98: change counter, high half
    "i_projid" / Int32ul,  # 0x9c: project
)
"""All existing fields: 160 bytes, i_extra_isize 32."""
