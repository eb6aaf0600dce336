"""Convert POSIX ACLs from their form on the disk to the one that programs see.

On the disk (version 1) an entry has an id only if its tag needs one; as an attribute (version 2)
every entry has one, which is ACL_UNDEFINED_ID if it has no meaning.

Specification: fs/ext4/acl.c and include/uapi/linux/posix_acl_xattr.h of the kernel.
"""

from __future__ import annotations

from typing import Final

from pyext4.errors import DamagedError
from pyext4.ondisk import xattr
from pyext4.packer import Packer

__all__ = ["acl_to_xattr"]

_HEADER: Final = Packer(xattr.AclHeader)
_ENTRY: Final = Packer(xattr.AclEntry)
_SHORT: Final = Packer(xattr.AclEntryShort)
_TAGS: Final = frozenset(
    {
        xattr.ACL_USER_OBJ,
        xattr.ACL_USER,
        xattr.ACL_GROUP_OBJ,
        xattr.ACL_GROUP,
        xattr.ACL_MASK,
        xattr.ACL_OTHER,
    }
)


def acl_to_xattr(ino: int, value: bytes) -> bytes:
    """Convert the ACL of an inode; raises DamagedError if it is not one."""
    if len(value) < _HEADER.size:
        raise DamagedError("acl of inode", ino, f"{len(value)} bytes")
    version = _HEADER.unpack(value)["a_version"]
    if version != xattr.EXT4_ACL_VERSION:
        raise DamagedError("acl of inode", ino, f"version is {version}")
    converted = [_HEADER.pack(a_version=xattr.POSIX_ACL_XATTR_VERSION)]
    at = _HEADER.size
    while at < len(value):
        if at + _SHORT.size > len(value):
            raise DamagedError("acl of inode", ino, "ends inside an entry")
        entry = _SHORT.unpack(value, at)
        if entry["e_tag"] not in _TAGS:
            raise DamagedError("acl of inode", ino, f"tag is {entry['e_tag']:#x}")
        if entry["e_tag"] in (xattr.ACL_USER, xattr.ACL_GROUP):
            if at + _ENTRY.size > len(value):
                raise DamagedError("acl of inode", ino, "ends inside an entry")
            entry = _ENTRY.unpack(value, at)
            at += _ENTRY.size
        else:
            entry["e_id"] = xattr.ACL_UNDEFINED_ID
            at += _SHORT.size
        converted.append(_ENTRY.pack(**entry))
    return b"".join(converted)
