"""What PAX records say beyond the header's own fields: xattrs, ACLs, birth time, sparse maps.

| record | written by | becomes |
| --- | --- | --- |
| `SCHILY.xattr.NAME` | star, GNU tar, Go, bsdtar | the xattr NAME |
| `LIBARCHIVE.xattr.NAME` | bsdtar | the same; NAME is url-encoded, the value base64 |
| `RHT.security.selinux` | GNU tar | security.selinux, with the kernel's NUL added |
| `SCHILY.acl.access`, `.default` | star, GNU tar, bsdtar | system.posix_acl_access, _default |
| `LIBARCHIVE.creationtime` | bsdtar | the birth time |
| `GNU.sparse.*` | GNU tar | the sparse map, see sparse.py |

Everything else has no place in an inode and is ignored: uname and gname (the numbers count),
comment, hdrcharset (names are bytes), SCHILY.dev, .ino, .nlink, .fflags and .acl.ace,
LIBARCHIVE.symlinktype, vendors' private keys.

What Linux can't hold on this type of file is left out too, but counted. xattr(7): names begin with
user, trusted, security or system; "user" exists on regular files and directories only; of "system"
ext4 has the ACLs, which symbolic links can't have.

A file's mode and access ACL say the same thing twice. If the ACL comes as an xattr, the header
wins, because Docker, containerd and podman set the mode last; if it comes as text, the ACL wins,
as with GNU tar and bsdtar, whose header need not show the mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from flatten.errors import EntryError, shown
from flatten.left_out import Counted, Thing, counted
from flatten.tar.acl_text import (
    ACCESS,
    DEFAULT,
    VERSION,
    TextAcl,
    acl_mode,
    check_acl,
    chmod_acl,
    pack_acl,
    parse_acl,
)
from flatten.tar.fields import FaultError, parse_time, records_in
from flatten.tar.times import within_ext4
from flatten.tar.typeflags import DIRECTORY, GNU_SPARSE, REGULAR, SYMLINK
from pyext4.tree import Metadata

__all__ = ["Attributes", "Records", "merged_records", "read_attributes"]

SCHILY, LIBARCHIVE, SPARSE = b"SCHILY.xattr.", b"LIBARCHIVE.xattr.", b"GNU.sparse."
BIRTH, SELINUX = b"LIBARCHIVE.creationtime", b"RHT.security.selinux"
_ACLS = {b"SCHILY.acl.access": ACCESS, b"SCHILY.acl.default": DEFAULT}

NAME_MAX = 255  # XATTR_NAME_MAX, include/uapi/linux/limits.h: of the whole name
_REVERSED_DOMAINS = (b"com", b"org", b"net", b"io")
_FAMILY_MAX = 64  # bytes of a namespace shown at most


class Records(NamedTuple):
    """The records that apply to an entry: its own, and global ones that it doesn't replace."""

    values: Mapping[bytes, bytes]
    sparse: tuple[tuple[bytes, bytes], ...] = ()  # GNU.sparse.* without that prefix, in order


class Attributes(NamedTuple):
    """The attributes that one entry's records give it."""

    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    crtime_ns: int | None = None
    permissions: int | None = None  # the lowest nine bits of the mode, if an ACL's text says them
    sparse: tuple[tuple[bytes, bytes], ...] = ()
    acls: tuple[tuple[bytes, TextAcl], ...] = ()  # (attribute, ACL that still has names)
    left_out: Counted = ()

    def applied_to(self, meta: Metadata) -> Metadata:
        """Return `meta` with these attributes: a new object if they change it or need a remark."""
        remarkable = self.acls or self.left_out or self.permissions is not None
        if not self.xattrs and self.crtime_ns is None and not remarkable:
            return meta
        mode, xattrs = meta.mode, self.xattrs
        if self.permissions is not None:
            mode = mode & ~0o777 | self.permissions
        elif any(name == ACCESS for name, _ in xattrs):
            xattrs = tuple(
                (name, chmod_acl(value, mode) if name == ACCESS else value)
                for name, value in xattrs
            )
        return replace(meta, mode=mode, xattrs=xattrs, crtime_ns=self.crtime_ns)


def merged_records(before: Mapping[bytes, bytes], body: bytes) -> Records:
    """Let the records of `body` replace those `before`; an empty value removes a record.

    If two have the same key, the later one counts, except for sparse maps of format 0.0.
    """
    values = dict(before)
    sparse: dict[bytes, list[tuple[int, bytes]]] = {}
    for number, (_record, key, value) in enumerate(records_in(body)):
        if key.startswith(SPARSE):
            if value:
                sparse.setdefault(key[len(SPARSE) :], []).append((number, value))
            else:
                sparse.pop(key[len(SPARSE) :], None)
        elif not value:
            values.pop(key, None)
        elif key in _ACLS or not key.startswith(b"SCHILY.acl."):
            values[key] = value
    in_order = sorted(
        (number, key, value) for key, several in sparse.items() for number, value in several
    )
    return Records(values=values, sparse=tuple((key, value) for _, key, value in in_order))


def read_attributes(records: Records, typeflag: int) -> Attributes:
    """Read what the records say about an entry of this type.

    Raises:
        EntryError: one can't be read, or has an ACL that Linux wouldn't take.
    """
    xattrs: dict[bytes, bytes] = {}
    values = records.values
    for key, value in values.items():
        _xattr(xattrs, key, value)
    left_out: list[Thing] = [
        ("attribute", _family(name)) for name in xattrs if not _can_hold(name, typeflag)
    ]
    if left_out:
        xattrs = {name: value for name, value in xattrs.items() if _can_hold(name, typeflag)}
    acls = {
        name: parse_acl(values[key])
        for key, name in _ACLS.items()
        if key in values and xattrs.get(name, VERSION) == VERSION
    }
    if typeflag == SYMLINK:
        left_out += [("attribute", shown(name)) for name, acl in acls.items() if acl.entries]
        acls = {}
    permissions = _set_acls(xattrs, acls, typeflag)
    crtime_ns: int | None = None
    clamped: Counted = ()
    if BIRTH in values:
        crtime_ns, clamped = within_ext4(_time(values[BIRTH]))
    return Attributes(
        xattrs=tuple(sorted(xattrs.items())),
        crtime_ns=crtime_ns,
        permissions=permissions,
        sparse=records.sparse,
        acls=tuple((name, acl) for name, acl in acls.items() if acl.has_names),
        left_out=counted(left_out) + clamped,
    )


def _xattr(xattrs: dict[bytes, bytes], key: bytes, value: bytes) -> None:
    if key.startswith(SCHILY):
        # GNU tar's xattr_encode_keyword: a "=" in a name would end the key
        _set(xattrs, key[len(SCHILY) :].replace(b"%3D", b"=").replace(b"%25", b"%"), value)
    elif key.startswith(LIBARCHIVE):
        name = unquote_to_bytes(key[len(LIBARCHIVE) :])
        if name not in xattrs:  # bsdtar writes each both ways, this way with limits
            _set(xattrs, name, _base64(value))
    elif key == SELINUX:
        xattrs[b"security.selinux"] = value + b"\0"


def _can_hold(name: bytes, typeflag: int) -> bool:
    """Tell whether Linux lets a file of this type have an attribute of this name."""
    if name in (ACCESS, DEFAULT):
        return typeflag != SYMLINK  # vfs_set_acl, fs/posix_acl.c: EOPNOTSUPP
    namespace, dot, rest = name.partition(b".")
    if not dot or not rest or len(name) > NAME_MAX:
        return False
    if namespace == b"user":  # xattr_permission, fs/xattr.c: EPERM
        return typeflag in (REGULAR, GNU_SPARSE, DIRECTORY)
    return namespace in (b"trusted", b"security")


def _family(name: bytes) -> str:
    """Return the name of the family that an attribute belongs to."""
    if name in (ACCESS, DEFAULT):
        return shown(name)
    parts = name.split(b".")
    depth = 2 if parts[0] in _REVERSED_DOMAINS else 1
    if len(parts) <= depth:
        return shown(name[:_FAMILY_MAX])
    return shown(b".".join(parts[:depth])[:_FAMILY_MAX]) + ".*"


def _set_acls(
    xattrs: dict[bytes, bytes], acls: Mapping[bytes, TextAcl], typeflag: int
) -> int | None:
    """Add the ACLs that came as text; returns the permissions that an access ACL implies."""
    for name, acl in acls.items():
        xattrs.pop(name, None)
        if acl.entries and not acl.has_names:
            xattrs[name], _ = pack_acl(acl)
    permissions = None
    for name in (ACCESS, DEFAULT):
        value = xattrs.get(name)
        if value is None:
            continue
        if value == VERSION:  # no entries: setxattr(2) takes it for "remove it"
            del xattrs[name]
            continue
        check_acl(value)
        if name == ACCESS:
            mode, says_all = acl_mode(value)
            if name in acls:
                permissions = mode
            if says_all:
                del xattrs[name]
    has_default = DEFAULT in xattrs or (DEFAULT in acls and acls[DEFAULT].has_names)
    if has_default and typeflag != DIRECTORY:
        msg = "has a default ACL, but is not a directory"  # set_posix_acl, fs/posix_acl.c: EACCES
        raise EntryError(msg)
    return permissions


def _set(xattrs: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    if not name or b"\0" in name:
        msg = "xattr has no proper name"
        raise EntryError(msg)
    xattrs[name] = value


def _base64(value: bytes) -> bytes:
    import base64  # noqa: PLC0415  # bsdtar alone writes it
    import binascii  # noqa: PLC0415

    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        msg = f"LIBARCHIVE.xattr record is not base64: {error}"
        raise EntryError(msg) from error


def _time(value: bytes) -> int:
    try:
        seconds, nanoseconds = parse_time(value)
    except FaultError as error:
        msg = "LIBARCHIVE.creationtime record is not a time"
        raise EntryError(msg) from error
    return seconds * 1_000_000_000 + nanoseconds
