"""Shift owners for a user namespace, whose users are others outside.

An id that a file has stands for a user inside; the image is to have the one outside. Ranges are as
in /proc/PID/uid_map and newuidmap(1), and hold for users and groups alike. What has ids:

- uid and gid
- POSIX ACLs, the access and the default one: their entries for users and groups
- security.capability: the root user for whose namespaces it counts (`capability`)

An id in no range is an error, as it is to the kernel (EOVERFLOW), umoci and buildah: kept, it would
be somebody's on the host.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pyext4.editing.capability import CAPABILITY, shifted_capability
from pyext4.editing.metadata import change_metadata
from pyext4.errors import OptionsError
from pyext4.ondisk.xattr import (
    ACL_GROUP,
    ACL_USER,
    POSIX_ACL_XATTR_VERSION,
    AclEntry,
    AclHeader,
)
from pyext4.packer import Packer
from pyext4.tree import Metadata, Tree

__all__ = ["OwnerRange", "check_ranges", "map_owners"]

ID_MAX: Final = 4294967294  # -1 is no one's: chown(2)
# What useradd(8) allots each user (SUB_UID_COUNT of login.defs(5)), and the ids of any image
USUAL_COUNT: Final = 65536
_ACLS: Final = (b"system.posix_acl_access", b"system.posix_acl_default")
_WHOSE: Final = {ACL_USER: "ACL's user", ACL_GROUP: "ACL's group"}
_OPTION: Final = "owner map"
_HEADER: Final = Packer(AclHeader)
_ENTRY: Final = Packer(AclEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRange:
    """Ids in a row, and what they become.

    Attributes:
        first: The first id in the tree.
        to: What it becomes; the next id becomes the next one, and so on.
        count: How many ids there are.
    """

    first: int
    to: int
    count: int = USUAL_COUNT

    def __str__(self) -> str:
        return f"{self.first}:{self.to}:{self.count}"


def check_ranges(ranges: Iterable[OwnerRange]) -> None:
    """Refuse ranges that the kernel would refuse too (kernel/user_namespace.c, map_write).

    Raises:
        OptionsError: A range is empty or goes beyond the last id, or two overlap on one side.
    """
    known: list[OwnerRange] = []
    for each in ranges:
        if each.count < 1 or each.first < 0 or each.to < 0:
            raise OptionsError(
                _OPTION, f"a range has no negative number, and one id at least: {each}"
            )
        if max(each.first, each.to) + each.count - 1 > ID_MAX:
            raise OptionsError(_OPTION, f"the last id is {ID_MAX}, a range goes beyond: {each}")
        for other in known:
            if _overlap(each.first, other.first, each, other):
                raise OptionsError(_OPTION, f"ranges overlap in what they map: {other}, {each}")
            if _overlap(each.to, other.to, each, other):
                raise OptionsError(_OPTION, f"ranges overlap in what they map to: {other}, {each}")
        known.append(each)


def _overlap(start: int, other_start: int, one: OwnerRange, other: OwnerRange) -> bool:
    return start < other_start + other.count and other_start < start + one.count


def map_owners(tree: Tree, ranges: Sequence[OwnerRange]) -> int:
    """Map every owner in `tree` by `ranges`, in attributes too; return how many nodes changed.

    A capability that counts everywhere becomes one for the namespaces of the mapped root alone,
    as the kernel writes it when a file is unpacked in there. Nothing is changed where one fails.

    Raises:
        OptionsError: The ranges contradict each other, or one goes beyond the last id.
        ContentError: An id is in none of them, or a directory has two names.
    """
    check_ranges(ranges)
    mapping = _Mapping(ranges)
    return change_metadata(tree, mapping.metadata)


class _Mapping:
    """Ranges, sorted by what they map."""

    def __init__(self, ranges: Iterable[OwnerRange]) -> None:
        self._ranges = sorted(ranges, key=lambda each: each.first)
        self._firsts = [each.first for each in self._ranges]

    def id_of(self, number: int, what: str) -> int:
        """Map one id.

        Raises:
            ValueError: it is in no range.
        """
        at = bisect.bisect_right(self._firsts, number) - 1
        if at >= 0:
            each = self._ranges[at]
            if number < each.first + each.count:
                return number - each.first + each.to
        msg = (
            f"no range of the owner map has its {what}; {number}:{number}:1 would keep it: {number}"
        )
        raise ValueError(msg)

    def metadata(self, meta: Metadata) -> Metadata:
        """Map all ids of a node."""
        uid, gid = self.id_of(meta.uid, "uid"), self.id_of(meta.gid, "gid")
        xattrs = tuple((name, self._attribute(name, value)) for name, value in meta.xattrs)
        if (uid, gid) == (meta.uid, meta.gid) and xattrs == meta.xattrs:
            return meta
        return replace(meta, uid=uid, gid=gid, xattrs=xattrs)

    def _attribute(self, name: bytes, value: bytes) -> bytes:
        if name in _ACLS:
            return self._acl(value)
        if name == CAPABILITY:
            return shifted_capability(value, lambda root: self.id_of(root, "capability's root"))
        return value

    def _acl(self, value: bytes) -> bytes:
        """Map the entries of an ACL, which stay sorted; the writer refuses what is none."""
        body = len(value) - _HEADER.size
        if body < 0 or body % _ENTRY.size:
            return value
        if _HEADER.unpack(value, 0)["a_version"] != POSIX_ACL_XATTR_VERSION:
            return value
        entries = [_ENTRY.unpack(value, at) for at in range(_HEADER.size, len(value), _ENTRY.size)]
        for entry in entries:
            if entry["e_tag"] in _WHOSE:
                entry["e_id"] = self.id_of(entry["e_id"], _WHOSE[entry["e_tag"]])
        # acl(5): the entries of one tag are sorted by their ids, and ranges may change the order
        entries.sort(key=lambda entry: (entry["e_tag"], entry["e_tag"] in _WHOSE and entry["e_id"]))
        return value[: _HEADER.size] + b"".join(_ENTRY.pack(**entry) for entry in entries)
