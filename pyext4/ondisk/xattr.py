"""Extended attributes: entries in an inode or in a block, values after them or in an ea_inode.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (attributes.rst),
fs/ext4/xattr.h. ACLs: fs/ext4/acl.h for the disk, include/uapi/linux/posix_acl_xattr.h for
programs.
"""

from __future__ import annotations

from typing import Final

from construct import Int8ul, Int16ul, Int32ul, Struct

__all__ = [
    "ACL_GROUP",
    "ACL_GROUP_OBJ",
    "ACL_MASK",
    "ACL_OTHER",
    "ACL_UNDEFINED_ID",
    "ACL_USER",
    "ACL_USER_OBJ",
    "EXT4_ACL_VERSION",
    "EXT4_XATTR_INDEX_ENCRYPTION",
    "EXT4_XATTR_INDEX_HURD",
    "EXT4_XATTR_INDEX_LUSTRE",
    "EXT4_XATTR_INDEX_POSIX_ACL_ACCESS",
    "EXT4_XATTR_INDEX_POSIX_ACL_DEFAULT",
    "EXT4_XATTR_INDEX_RICHACL",
    "EXT4_XATTR_INDEX_SECURITY",
    "EXT4_XATTR_INDEX_SYSTEM",
    "EXT4_XATTR_INDEX_TRUSTED",
    "EXT4_XATTR_INDEX_USER",
    "EXT4_XATTR_MAGIC",
    "EXT4_XATTR_REFCOUNT_MAX",
    "EXT4_XATTR_ROUND",
    "EXT4_XATTR_SIZE_MAX",
    "EXT4_XATTR_SYSTEM_DATA",
    "POSIX_ACL_XATTR_VERSION",
    "XATTR_PREFIXES",
    "AclEntry",
    "AclEntryShort",
    "AclHeader",
    "XattrEntry",
    "XattrHeader",
    "XattrIbodyHeader",
]

EXT4_XATTR_MAGIC: Final = 0xEA020000
EXT4_XATTR_REFCOUNT_MAX: Final = 1024  # inodes that share one block
EXT4_XATTR_ROUND: Final = 4  # entries and values begin at multiples of this
EXT4_XATTR_SIZE_MAX: Final = 1 << 24  # bytes of a value, by the format
EXT4_XATTR_SYSTEM_DATA: Final = b"data"  # with EXT4_XATTR_INDEX_SYSTEM: more inline data

# e_name_index: the prefix that the name on the disk leaves out
EXT4_XATTR_INDEX_USER: Final = 1
EXT4_XATTR_INDEX_POSIX_ACL_ACCESS: Final = 2
EXT4_XATTR_INDEX_POSIX_ACL_DEFAULT: Final = 3
EXT4_XATTR_INDEX_TRUSTED: Final = 4
EXT4_XATTR_INDEX_LUSTRE: Final = 5
EXT4_XATTR_INDEX_SECURITY: Final = 6
EXT4_XATTR_INDEX_SYSTEM: Final = 7
EXT4_XATTR_INDEX_RICHACL: Final = 8
EXT4_XATTR_INDEX_ENCRYPTION: Final = 9
EXT4_XATTR_INDEX_HURD: Final = 10

XATTR_PREFIXES: Final = {
    EXT4_XATTR_INDEX_USER: b"user.",
    EXT4_XATTR_INDEX_POSIX_ACL_ACCESS: b"system.posix_acl_access",
    EXT4_XATTR_INDEX_POSIX_ACL_DEFAULT: b"system.posix_acl_default",
    EXT4_XATTR_INDEX_TRUSTED: b"trusted.",
    EXT4_XATTR_INDEX_SECURITY: b"security.",
    EXT4_XATTR_INDEX_SYSTEM: b"system.",
    EXT4_XATTR_INDEX_RICHACL: b"system.richacl",
}
"""The prefix that Linux puts before the name on the disk, for each index that programs see."""

EXT4_ACL_VERSION: Final = 1  # a_version on the disk
POSIX_ACL_XATTR_VERSION: Final = 2  # a_version in a program's attribute

# e_tag
ACL_USER_OBJ: Final = 0x01
ACL_USER: Final = 0x02
ACL_GROUP_OBJ: Final = 0x04
ACL_GROUP: Final = 0x08
ACL_MASK: Final = 0x10
ACL_OTHER: Final = 0x20
ACL_UNDEFINED_ID: Final = 0xFFFFFFFF  # e_id in an attribute whose tag needs no id

XattrHeader: Final = Struct(
    "h_magic" / Int32ul,  # 0x00: EXT4_XATTR_MAGIC
    "h_refcount" / Int32ul,  # 0x04: inodes that use this block
    "h_blocks" / Int32ul,  # 0x08: 1
    "h_hash" / Int32ul,  # 0x0c: hash of all entries' hashes
    "h_checksum" / Int32ul,  # 0x10: crc32c of the block's number and the block
    "h_reserved" / Int32ul[3],  # 0x14: zero
)

XattrIbodyHeader: Final = Struct(
    "h_magic" / Int32ul,  # 0x0: EXT4_XATTR_MAGIC
)

XattrEntry: Final = Struct(
    "e_name_len" / Int8ul,  # 0x0: bytes of the name, which follows
    "e_name_index" / Int8ul,  # 0x1: EXT4_XATTR_INDEX_*
    "e_value_offs" / Int16ul,  # 0x2: the value's offset from the block, or from the first entry
    "e_value_inum" / Int32ul,  # 0x4: ea_inode that holds the value, or 0
    "e_value_size" / Int32ul,  # 0x8: bytes of the value
    "e_hash" / Int32ul,  # 0xc: hash of name and value
)

AclHeader: Final = Struct(
    "a_version" / Int32ul,  # 0x0: EXT4_ACL_VERSION, or POSIX_ACL_XATTR_VERSION
)

AclEntry: Final = Struct(
    "e_tag" / Int16ul,  # 0x0: ACL_*
    "e_perm" / Int16ul,  # 0x2: read 4, write 2, execute 1
    "e_id" / Int32ul,  # 0x4: user or group
)

AclEntryShort: Final = Struct(
    "e_tag" / Int16ul,  # 0x0: ACL_*, all but ACL_USER and ACL_GROUP on the disk
    "e_perm" / Int16ul,  # 0x2: read 4, write 2, execute 1
)
