"""What Linux can't hold: left out and counted, or with `strict` an error."""

from __future__ import annotations

import pytest

from flatten import FlattenError, LeftOut, NodeError, flatten
from flatten.discard import Discard
from tests.flatten.tars import (
    directory,
    fifo,
    file,
    hardlink,
    layer,
    member,
    pax,
    symlink,
    whiteout,
)

APPLE = (b"SCHILY.xattr.com.apple.provenance", b"1")
QUARANTINE = (b"SCHILY.xattr.com.apple.quarantine", b"2")
ACL = b"user::rw-,user:5:r--,group::r--,mask::r--,other::---"

THINGS = {
    "attribute com.apple.*": (pax(APPLE), file(b"x")),
    "attribute btrfs.*": (pax((b"SCHILY.xattr.btrfs.compression", b"zstd")), directory(b"x")),
    "attribute system.*": (pax((b"SCHILY.xattr.system.foo", b"1")), file(b"x")),
    "attribute user.*": (pax((b"SCHILY.xattr.user.a", b"1")), symlink(b"x", b"t")),
    "attribute plain": (pax((b"SCHILY.xattr.plain", b"1")), file(b"x")),
    "attribute com": (pax((b"SCHILY.xattr.com", b"1")), file(b"x")),
    "attribute \\x1b[31m.*": (pax((b"SCHILY.xattr.\x1b[31m.a", b"1")), file(b"x")),
    "attribute system.posix_acl_access": (pax((b"SCHILY.acl.access", ACL)), symlink(b"x", b"t")),
    "time outside 1901..2446": (pax((b"mtime", b"-62135596800")), file(b"x")),
    "owner 4294967295": (pax((b"gid", b"4294967295")), file(b"x")),
    "ACL grant for the unknown user joe": (
        pax((b"SCHILY.acl.access", ACL.replace(b":5:", b":joe:"))),
        file(b"x"),
    ),
}


def counts(*layers: tuple[bytes, ...]) -> dict[str, int]:
    left_out = LeftOut()
    flatten([layer(*members) for members in layers], left_out=left_out)
    return {f"{what} {which}": count for (what, which), count in left_out.counts.items()}


@pytest.mark.parametrize("thing", THINGS)
def test_counted(thing: str) -> None:
    assert counts(THINGS[thing]) == {thing: 1}


@pytest.mark.parametrize("thing", THINGS)
def test_strict_names_it_and_the_path(thing: str) -> None:
    with pytest.raises(NodeError) as caught:
        flatten([layer(*THINGS[thing])], strict=True)
    assert str(caught.value) == f"/x: Linux can't hold its {thing}"
    assert caught.value.path == b"/x"
    assert isinstance(caught.value, FlattenError)


def test_strict_minds_nothing_else() -> None:
    made = layer(
        pax(
            (b"SCHILY.xattr.user.a", b"1"), (b"SCHILY.acl.access", ACL), (b"mtime", b"15032385535")
        ),
        file(b"x", uid=5),
        symlink(b"l", b"x"),
    )
    assert set(flatten([made], strict=True).root.children) == {b"x", b"l"}


def test_only_what_is_in_the_tree_counts() -> None:
    below = (
        pax(APPLE),
        file(b"hidden"),
        pax(APPLE),
        file(b"replaced"),
        pax(APPLE),
        directory(b"d"),
    )
    above = (whiteout(b"hidden"), file(b"replaced"), directory(b"d"))
    assert counts(below) == {"attribute com.apple.*": 3}
    assert counts(below, above) == {}
    flatten([layer(*below), layer(*above)], strict=True)


def test_a_file_of_several_names_counts_once() -> None:
    made = (pax(APPLE), file(b"a"), pax(APPLE), hardlink(b"b", b"a"), hardlink(b"c", b"a"))
    assert counts(made) == {"attribute com.apple.*": 1}
    assert counts((file(b"a"), pax(APPLE, (b"mtime", b"-9999999999")), hardlink(b"b", b"a"))) == {}


def test_everything_of_an_entry_counts() -> None:
    records = (APPLE, QUARANTINE, (b"SCHILY.xattr.user.a", b"1"))
    times = tuple((key, b"99999999999") for key in (b"mtime", b"atime", b"ctime"))
    birth = (b"LIBARCHIVE.creationtime", b"-99999999999")
    owners = ((b"uid", b"-1"), (b"gid", b"4294967295"))
    assert counts((pax(*records, *times, birth, *owners), fifo(b"f"))) == {
        "attribute com.apple.*": 2,
        "attribute user.*": 1,
        "owner 4294967295": 2,
        "time outside 1901..2446": 4,
    }


def test_files_with_equal_headers_count_each() -> None:
    assert counts(
        tuple(
            member(b"f%d" % n, mtime=1, extra={136: b"\x80" + b"\0" * 5 + b"\xff" * 6})
            for n in range(20)
        )
    ) == {"time outside 1901..2446": 20}
    globally = (pax(APPLE, typeflag=b"g"), *(file(b"f%d" % n) for n in range(20)))
    assert counts(globally) == {"attribute com.apple.*": 20}


def test_kinds_are_bounded() -> None:
    """A layer may invent namespaces: what is told of them stays short."""
    made = tuple(
        part
        for number in range(100)
        for part in (pax((b"SCHILY.xattr.n%d.a" % number, b"1")), file(b"f%d" % number))
    )
    said = counts(made)
    assert len(said) <= 33
    assert sum(said.values()) == 100
    long = counts((pax((b"SCHILY.xattr." + b"n" * 9000 + b".a", b"1")), file(b"f")))
    assert max(map(len, long)) < 100


def test_a_counter_is_filled_anew() -> None:
    left_out = LeftOut()
    assert not left_out
    flatten([layer(pax(APPLE), file(b"a"))], left_out=left_out)
    flatten([layer(pax(APPLE), file(b"a"))], left_out=left_out)
    assert left_out.counts == {("attribute", "com.apple.*"): 1}
    assert left_out
    flatten([layer(file(b"a"))], left_out=left_out, into=Discard())
    assert not left_out.counts
