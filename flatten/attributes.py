"""What PAX records say beyond the header's own fields: xattrs, ACLs, birth time, sparse maps.

| record | written by | becomes |
| --- | --- | --- |
| `SCHILY.xattr.NAME` | star, GNU tar, Go, bsdtar | the xattr NAME |
| `LIBARCHIVE.xattr.NAME` | bsdtar | the same; NAME is url-encoded, the value base64 |
| `RHT.security.selinux` | GNU tar | security.selinux, with the kernel's NUL behind it |
| `SCHILY.acl.access`, `.default` | star, GNU tar, bsdtar | system.posix_acl_access, _default |
| `LIBARCHIVE.creationtime` | bsdtar | the birth time |
| `GNU.sparse.*` | GNU tar | the sparse map, see sparse.py |

Everything else has no place in an inode and is left out: uname and gname (the numbers count),
comment, hdrcharset (names are bytes), SCHILY.dev, .ino, .nlink, .fflags and .acl.ace,
LIBARCHIVE.symlinktype, vendors' private keys.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from flatten.acl import acl_from_text, acl_mode
from flatten.errors import EntryError
from flatten.native.pure_fields import FaultError, parse_time, records_in
from pyext4.tree import Metadata

__all__ = ["Attributes", "read_attributes"]

ACCESS = b"system.posix_acl_access"
_ACLS = {
    b"SCHILY.acl.access": ACCESS,
    b"SCHILY.acl.default": b"system.posix_acl_default",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What the records of one entry say."""

    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    crtime_ns: int | None = None
    permissions: int | None = None  # the lowest nine bits of the mode, where an ACL says them
    sparse: tuple[tuple[bytes, bytes], ...] = ()  # GNU.sparse.* without that prefix, in order

    def applied_to(self, meta: Metadata) -> Metadata:
        """Return `meta` with these attributes."""
        if not self.xattrs and self.crtime_ns is None and self.permissions is None:
            return meta
        mode = meta.mode
        if self.permissions is not None:
            mode = mode & ~0o777 | self.permissions
        return replace(meta, mode=mode, xattrs=self.xattrs, crtime_ns=self.crtime_ns)


def read_attributes(records: bytes) -> Attributes:
    """Read records; of two for the same thing the later one counts.

    Raises:
        EntryError: one can't be read.
    """
    xattrs: dict[bytes, bytes] = {}
    texts: dict[bytes, bytes] = {}
    sparse: list[tuple[bytes, bytes]] = []
    crtime_ns: int | None = None
    for _record, key, value in records_in(records):
        if key in _ACLS:
            texts[_ACLS[key]] = value
        elif key == b"LIBARCHIVE.creationtime":
            crtime_ns = _time(value)
        elif key.startswith(b"GNU.sparse."):
            sparse.append((key[11:], value))
        else:
            _xattr(xattrs, key, value)
    permissions = _acls(xattrs, texts)
    return Attributes(
        xattrs=tuple(sorted(xattrs.items())),
        crtime_ns=crtime_ns,
        permissions=permissions,
        sparse=tuple(sparse),
    )


def _xattr(xattrs: dict[bytes, bytes], key: bytes, value: bytes) -> None:
    if key.startswith(b"SCHILY.xattr."):
        # GNU tar's xattr_encode_keyword: a "=" in a name would end the key
        _set(xattrs, key[13:].replace(b"%3D", b"=").replace(b"%25", b"%"), value)
    elif key.startswith(b"LIBARCHIVE.xattr."):
        name = unquote_to_bytes(key[17:])
        if name not in xattrs:  # bsdtar writes each in both ways, this one with limits
            _set(xattrs, name, _base64(value))
    elif key == b"RHT.security.selinux":
        xattrs[b"security.selinux"] = value + b"\0"


def _acls(xattrs: dict[bytes, bytes], texts: dict[bytes, bytes]) -> int | None:
    """Add ACLs that only came as text; returns the permissions that one of them implies."""
    permissions = None
    for name, text in texts.items():
        if name in xattrs:
            continue
        value = acl_from_text(text)
        mode_says_all = False
        if name == ACCESS:
            permissions, mode_says_all = acl_mode(value)
        if not mode_says_all:
            xattrs[name] = value
    return permissions


def _set(xattrs: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    if not name or b"\0" in name:
        msg = "xattr has no proper name"
        raise EntryError(msg)
    xattrs[name] = value


def _base64(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        msg = f"LIBARCHIVE.xattr record is no base64: {error}"
        raise EntryError(msg) from error


def _time(value: bytes) -> int:
    try:
        seconds, nanoseconds = parse_time(value)
    except FaultError as error:
        msg = "LIBARCHIVE.creationtime record is no time"
        raise EntryError(msg) from error
    return seconds * 1_000_000_000 + nanoseconds
