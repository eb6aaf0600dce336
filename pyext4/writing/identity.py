"""UUIDs derived from what they identify, if none was given."""

from __future__ import annotations

import hashlib
from array import array
from typing import NamedTuple
from uuid import UUID

from pyext4.options import Options
from pyext4.structures import checksum
from pyext4.tree import Device, Directory, File, Symlink
from pyext4.writing.survey import Survey

__all__ = ["Identity", "derived_uuid", "identify", "tree_uuid"]

_MASK = (1 << 64) - 1


class Identity(NamedTuple):
    """What distinguishes filesystems, and the seeds of their checksums and hashes."""

    uuid: UUID
    hash_seed: UUID
    seed: int  # of the checksums
    csum: bool  # metadata_csum

    @property
    def csum_seed(self) -> int | None:
        """The seed of the checksums, None if there are none."""
        return self.seed if self.csum else None


def identify(options: Options, surveyed: Survey, *, csum: bool) -> Identity:
    """Return the identity from the options, or else from the tree."""
    uuid = options.uuid or tree_uuid(surveyed)
    return Identity(
        uuid=uuid,
        hash_seed=options.hash_seed or derived_uuid(b"pyext4 hash seed", uuid.bytes),
        seed=checksum.fs_seed(uuid),
        csum=csum,
    )


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
    others = [node for node in nodes if type(node) not in (File, Directory)]
    columns: list[bytes] = [
        bytes(surveyed.names),
        bytes(surveyed.lengths),
        bytes(surveyed.types),
        surveyed.inos.tobytes(),
        surveyed.entry_counts.tobytes(),
        _packed([meta.mode for meta in metas]),
        _packed([meta.uid for meta in metas]),
        _packed([meta.gid for meta in metas]),
        _packed([meta.mtime_ns for meta in metas]),
        _packed([node.size for node in nodes if type(node) is File]),
        b"\0".join([node.target for node in others if type(node) is Symlink]),
        repr(
            [(node.kind, node.major, node.minor) for node in others if type(node) is Device]
        ).encode(),
        repr([meta.xattrs for meta in metas if meta.xattrs]).encode(),
    ]
    return derived_uuid(b"pyext4 tree", *columns)


def _packed(numbers: list[int]) -> bytes:
    try:
        return array("q", numbers).tobytes()
    except OverflowError:  # one is out of range, which is refused later, by name
        return array("Q", [number & _MASK for number in numbers]).tobytes()
