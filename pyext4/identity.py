"""UUIDs made of what they are to tell apart, where nobody gave one."""

from __future__ import annotations

import hashlib
from uuid import UUID

from pyext4.tree import Device, File, Symlink, Tree

__all__ = ["derived_uuid", "tree_uuid"]


def derived_uuid(*parts: bytes) -> UUID:
    """Return a UUID of version 8 (RFC 9562) from the SHA-256 of the parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    number = int.from_bytes(digest.digest()[:16], "big")
    number &= ~(0xF << 76 | 0x3 << 62)
    return UUID(int=number | 8 << 76 | 2 << 62)


def tree_uuid(tree: Tree) -> UUID:
    """Return a UUID from a tree's paths, metadata, sizes, targets and numbers, not its content."""
    digest = hashlib.sha256()
    for path, node in tree.walk():
        what: tuple[object, ...] = ()
        if isinstance(node, File):
            what = (node.size,)
        elif isinstance(node, Symlink):
            what = (node.target,)
        elif isinstance(node, Device):
            what = (node.kind, node.major, node.minor)
        meta = node.meta
        times = (meta.mtime_ns, meta.atime_ns, meta.ctime_ns, meta.crtime_ns)
        owner = (meta.mode, meta.uid, meta.gid)
        record = (path, type(node).__name__, what, owner, times, meta.xattrs)
        digest.update(repr(record).encode())
    return derived_uuid(b"pyext4 tree", digest.digest())
