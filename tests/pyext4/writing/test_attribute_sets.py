"""Where sets of attributes go, and the sets that ext4 can't hold."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from pyext4 import ContentError, File, Metadata
from pyext4.structures.xattrs import VALUE_MAX_BYTES, Parts, divide
from tests.pyext4.small_trees import tree_of, write

INODE_ROOM = 96
BLOCK_SIZE = 4096
IN_INODE = INODE_ROOM - 8  # less magic number and end
IN_BLOCK = BLOCK_SIZE - 36  # less header and end
ENTRY = 16


def divided(*xattrs: tuple[bytes, bytes]) -> Parts:
    return divide(xattrs, inode_room=INODE_ROOM, block_size=BLOCK_SIZE)


def taking(room: int, name: bytes = b"user.name") -> tuple[bytes, bytes]:
    """Return an attribute that takes `room` bytes with its entry."""
    return name, b"v" * (room - ENTRY - 4)


def names(entries: tuple[object, ...]) -> list[bytes]:
    return [entry.name for entry in entries]  # type: ignore[attr-defined]


def test_in_inode_full() -> None:
    made = divided(taking(IN_INODE))
    assert (names(made.in_inode), made.in_block) == ([b"name"], ())


def test_in_inode_full_and_1() -> None:
    made = divided(taking(IN_INODE + 1))
    assert (made.in_inode, names(made.in_block)) == ((), [b"name"])


def test_in_block_full() -> None:
    made = divided(taking(IN_BLOCK))
    assert names(made.in_block) == [b"name"]
    assert not made.outside


def test_in_block_full_and_1() -> None:
    assert names(divided(taking(IN_BLOCK + 1)).outside) == [b"name"]


def test_what_is_too_much_for_a_block_stays_in_the_inode() -> None:
    made = divided(taking(IN_BLOCK), taking(IN_INODE, b"user.smal"))
    assert (names(made.in_inode), names(made.in_block)) == ([b"smal"], [b"name"])


@pytest.mark.parametrize("value", [b"", b"v" * 5000])
def test_many_attributes_take_no_more_than_their_number(value: bytes) -> None:
    """In squares 20,000 would be minutes."""
    started = time.process_time()
    with pytest.raises(ValueError, match="names of its 20000 attributes don't fit into a block"):
        divided(*((b"user.%05d" % number, value) for number in range(20_000)))
    with pytest.raises(ValueError, match=r"attribute twice: user\.19999"):
        divided(*((b"user.%05d" % min(number, 19_999), value) for number in range(20_001)))
    assert time.process_time() - started < 5


def test_value_65536() -> None:
    assert names(divided((b"user.name", bytes(VALUE_MAX_BYTES))).outside) == [b"name"]


def test_value_65537() -> None:
    with pytest.raises(ValueError, match=r"user\.name is over 65536 bytes: 65537"):
        divided((b"user.name", bytes(VALUE_MAX_BYTES + 1)))


def test_entries_of_a_block_are_sorted_by_index_length_name() -> None:
    given = [b"user.bb", b"user.c", b"trusted.a", b"user.ab", b"security.z"]
    made = divided(*((name, b"v" * 100) for name in given))
    assert [(entry.name_index, entry.name) for entry in made.in_block] == [
        (1, b"c"),
        (1, b"ab"),
        (1, b"bb"),
        (4, b"a"),
        (6, b"z"),
    ]


def test_names_over_a_block() -> None:
    many = [(b"user." + b"%03d" % n + b"n" * 200, b"") for n in range(20)]
    with pytest.raises(ValueError, match="names of its 20 attributes don't fit into a block"):
        divided(*many)


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"user",
        b"user.",
        b"trusted.",
        b"unknown.name",
        b"USER.name",
        b"user.a\0b",
        b"user." + b"n" * 256,
        b"os2.name",
        b"system.data",
        b"system.posix_acl_accessory\0",
    ],
)
def test_names_that_ext4_has_not(name: bytes) -> None:
    with pytest.raises(ValueError, match="ext4 has no attribute of this name"):
        divided((name, b"v"))


@pytest.mark.parametrize(
    "name", [b"user.a", b"user." + b"n" * 255, b"trusted.a", b"security.a", b"user.\xff\xfe"]
)
def test_names_that_ext4_has(name: bytes) -> None:
    divided((name, b"v"))


def acl(*entries: tuple[int, int, int], version: int = 2) -> bytes:
    return struct.pack("<I", version) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


ALL = 0xFFFFFFFF
GOOD = (
    (0x01, 6, ALL),
    (0x02, 7, 1000),
    (0x04, 4, ALL),
    (0x08, 5, 7),
    (0x10, 7, ALL),
    (0x20, 0, ALL),
)


def test_acl_has_ids_only_where_somebody_is_named() -> None:
    (entry,) = divided((b"system.posix_acl_access", acl(*GOOD))).in_inode
    assert (entry.name_index, entry.name) == (2, b"")
    assert entry.value == struct.pack(
        "<I" + "HH" + "HHI" + "HH" + "HHI" + "HH" + "HH",
        *(1, 1, 6, 2, 7, 1000, 4, 4, 8, 5, 7, 0x10, 7, 0x20, 0),
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "4 bytes and 8 for each entry, not 0"),
        (b"\2\0\0", "4 bytes and 8 for each entry, not 3"),
        (acl(*GOOD)[:-1], "4 bytes and 8 for each entry, not 51"),
        (acl(*GOOD, version=1), "version of an ACL is 2, not 1"),
        (acl((0x40, 7, ALL)), "an ACL has no tag 0x40"),
        (acl((0, 7, ALL)), "an ACL has no tag 0x0"),
    ],
)
@pytest.mark.parametrize("name", [b"system.posix_acl_access", b"system.posix_acl_default"])
def test_malformed_acls(name: bytes, value: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        divided((name, value))


def test_error_names_the_path(tmp_path: Path) -> None:
    bad = Metadata(mode=0o644, xattrs=((b"unknown.name", b"v"),))
    with pytest.raises(ContentError, match=r"^/it: ext4 has no attribute of this name: unknown"):
        write(tree_of(it=File(bad)), tmp_path)


def test_same_name_twice(tmp_path: Path) -> None:
    bad = Metadata(mode=0o644, xattrs=((b"user.a", b"1"), (b"user.a", b"2")))
    with pytest.raises(ContentError, match=r"^/it: it has an attribute twice: user\.a$"):
        write(tree_of(it=File(bad)), tmp_path)
