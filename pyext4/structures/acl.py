"""Convert POSIX ACLs from the form that programs and tar headers use to the one on the disk.

Both begin with a version. The attribute (version 2) has 8 bytes for every entry; on the disk
(version 1) only entries that name a user or a group have the 4 bytes of an id.

Source: fs/ext4/acl.h, include/uapi/linux/posix_acl_xattr.h.
"""

from __future__ import annotations

from pyext4.ondisk.xattr import (
    ACL_GROUP,
    ACL_GROUP_OBJ,
    ACL_MASK,
    ACL_OTHER,
    ACL_USER,
    ACL_USER_OBJ,
    EXT4_ACL_VERSION,
    POSIX_ACL_XATTR_VERSION,
    AclEntry,
    AclEntryShort,
    AclHeader,
)
from pyext4.packer import Packer

__all__ = ["to_disk"]

_HEADER = Packer(AclHeader)
_ENTRY = Packer(AclEntry)
_SHORT = Packer(AclEntryShort)
_WITH_ID = (ACL_USER, ACL_GROUP)
_WITHOUT_ID = (ACL_USER_OBJ, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER)


def to_disk(value: bytes) -> bytes:
    """Convert an ACL from an attribute's value to its form on the disk.

    Raises:
        ValueError: the value is not an ACL of version 2; the message says what is wrong.
    """
    body = len(value) - _HEADER.size
    if body < 0 or body % _ENTRY.size:
        msg = f"an ACL has 4 bytes and 8 for each entry, not {len(value)}"
        raise ValueError(msg)
    version = _HEADER.unpack(value, 0)["a_version"]
    if version != POSIX_ACL_XATTR_VERSION:
        msg = f"the version of an ACL is {POSIX_ACL_XATTR_VERSION}, not {version}"
        raise ValueError(msg)
    out = [_HEADER.pack(a_version=EXT4_ACL_VERSION)]
    for offset in range(_HEADER.size, len(value), _ENTRY.size):
        entry = _ENTRY.unpack(value, offset)
        if entry["e_tag"] in _WITH_ID:
            out.append(_ENTRY.pack(**entry))
        elif entry["e_tag"] in _WITHOUT_ID:
            out.append(_SHORT.pack(e_tag=entry["e_tag"], e_perm=entry["e_perm"]))
        else:
            msg = f"an ACL has no tag {entry['e_tag']:#x}"
            raise ValueError(msg)
    return b"".join(out)
