"""UUIDs of trees: the same for equal trees, different for any difference except contents."""

from __future__ import annotations

import stat
from dataclasses import replace
from uuid import UUID

import pytest

from pyext4 import Device, Directory, Metadata, Symlink, Tree
from pyext4.tree import Node
from pyext4.writing.identity import derived_uuid, tree_uuid
from pyext4.writing.survey import survey
from tests.pyext4.small_trees import PLAIN, file_of

LOST_AND_FOUND = Metadata(mode=0o700)
OTHERS: dict[str, dict[bytes, Node]] = {
    "name": {b"b": file_of(b"content")},
    "mode": {b"a": file_of(b"content", replace(PLAIN, mode=0o600))},
    "uid": {b"a": file_of(b"content", replace(PLAIN, uid=1))},
    "gid": {b"a": file_of(b"content", replace(PLAIN, gid=1))},
    "mtime": {b"a": file_of(b"content", replace(PLAIN, mtime_ns=1))},
    "size": {b"a": file_of(b"content.")},
    "xattrs": {b"a": file_of(b"content", replace(PLAIN, xattrs=((b"user.a", b""),)))},
    "type": {b"a": Symlink(PLAIN, b"content")},
    "target": {b"a": Symlink(PLAIN, b"other")},
    "device": {b"a": Device(PLAIN, stat.S_IFCHR, 1, 2)},
    "kind": {b"a": Device(PLAIN, stat.S_IFBLK, 1, 2)},
    "minor": {b"a": Device(PLAIN, stat.S_IFBLK, 1, 3)},
    "more": {b"a": file_of(b"content"), b"b": file_of(b"")},
}


def uuid_of(children: dict[bytes, Node]) -> UUID:
    return tree_uuid(survey(Tree(Directory(PLAIN, children)), LOST_AND_FOUND))


def test_equal_trees() -> None:
    assert uuid_of({b"a": file_of(b"content")}) == uuid_of({b"a": file_of(b"content")})


def test_order_does_not_count() -> None:
    one: dict[bytes, Node] = {b"a": file_of(b"1"), b"b": file_of(b"2")}
    assert uuid_of(one) == uuid_of(dict(reversed(one.items())))


def test_contents_do_not_count() -> None:
    assert uuid_of({b"a": file_of(b"content")}) == uuid_of({b"a": file_of(b"CONTENT")})


def test_every_difference_counts() -> None:
    uuids = {uuid_of(children) for children in OTHERS.values()}
    assert len(uuids) == len(OTHERS)
    assert uuid_of({b"a": file_of(b"content")}) not in uuids


def test_links_count() -> None:
    shared = file_of(b"")
    assert uuid_of({b"a": shared, b"b": shared}) != uuid_of(
        {b"a": file_of(b""), b"b": file_of(b"")}
    )


@pytest.mark.parametrize("parts", [(), (b"",), (b"a", b"b"), (b"ab",)])
def test_version_and_variant(parts: tuple[bytes, ...]) -> None:
    made = derived_uuid(*parts)
    assert made.version == 8
    assert made.variant == "specified in RFC 4122"


def test_parts_are_kept_apart() -> None:
    assert derived_uuid(b"a", b"bc") != derived_uuid(b"ab", b"c")
