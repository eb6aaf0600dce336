"""UUIDs made of what they are to tell apart, where nobody gave one."""

from __future__ import annotations

import hashlib
from array import array
from uuid import UUID

from pyext4.survey import Survey
from pyext4.tree import Device, File, Symlink

__all__ = ["derived_uuid", "tree_uuid"]

_MASK = (1 << 64) - 1  # whatever is out of its range is refused later, by name


def derived_uuid(*parts: bytes) -> UUID:
    """Return a UUID of version 8 (RFC 9562) from the SHA-256 of the parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    number = int.from_bytes(digest.digest()[:16], "big")
    number &= ~(0xF << 76 | 0x3 << 62)
    return UUID(int=number | 8 << 76 | 2 << 62)


def tree_uuid(surveyed: Survey) -> UUID:
    """Return a UUID from a tree's names, metadata, sizes and targets, but not its contents."""
    nodes = surveyed.nodes
    metas = [node.meta for node in nodes]
    columns: list[bytes] = [
        bytes(surveyed.names),
        bytes(surveyed.lengths),
        bytes(surveyed.types),
        surveyed.inos.tobytes(),
        surveyed.entry_counts.tobytes(),
        *(
            array("Q", [value & _MASK for value in column]).tobytes()
            for column in (
                [meta.mode for meta in metas],
                [meta.uid for meta in metas],
                [meta.gid for meta in metas],
                [meta.mtime_ns for meta in metas],
                [node.size if type(node) is File else 0 for node in nodes],
            )
        ),
        b"\0".join([node.target for node in nodes if type(node) is Symlink]),
        repr(
            [(node.kind, node.major, node.minor) for node in nodes if type(node) is Device]
        ).encode(),
        repr([meta.xattrs for meta in metas if meta.xattrs]).encode(),
    ]
    return derived_uuid(b"pyext4 tree", *columns)
