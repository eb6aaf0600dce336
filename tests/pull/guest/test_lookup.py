"""Paths in a merged tree, as the kernel would follow them with the tree as its root."""

from __future__ import annotations

import pytest

from pull.guest.init.errors import TreeError
from pull.guest.lookup import find, find_file, is_there, place_for, read_file
from pyext4.tree import File, Metadata, Tree
from tests.flatten import tars
from tests.pull.guest.trees import make

TREE, _ = make(
    tars.directory(b"usr/bin"),
    tars.file(b"usr/bin/sh", b"sh", mode=0o700),
    tars.file(b"usr/bin/text", b"text", mode=0o644),
    tars.symlink(b"bin", b"usr/bin"),
    tars.symlink(b"up", b"../../../usr"),
    tars.symlink(b"abs", b"//usr/./bin/"),
    tars.symlink(b"dangling", b"usr/none/deep"),
    tars.symlink(b"loop", b"loop"),
    tars.symlink(b"through", b"usr/bin/text/x"),
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"/", b"/"),
        (b"", b"/"),
        (b"/usr/bin/sh", b"/usr/bin/sh"),
        (b"usr//bin/./sh", b"/usr/bin/sh"),
        (b"/bin/sh", b"/usr/bin/sh"),
        (b"/up/bin/sh", b"/usr/bin/sh"),
        (b"/abs/sh", b"/usr/bin/sh"),
        (b"/../../bin/../bin/sh", b"/usr/bin/sh"),
        (b"/bin/..", b"/usr"),
        (b"/none", None),
        (b"/dangling", None),
        (b"/loop", None),
        (b"/through", None),
        (b"/usr/bin/sh/x", None),
    ],
)
def test_find(path: bytes, found: bytes | None) -> None:
    node = find(TREE, path)
    assert (node.path if node else None) == found


def chain(count: int) -> Tree:
    links = [tars.symlink(b"l%d" % number, b"l%d" % (number + 1)) for number in range(count)]
    return make(*links, tars.file(b"l%d" % count, b"end"))[0]


def test_40_links_are_followed_and_41_are_not() -> None:
    # fs/namei.c: total_link_count++ >= MAXSYMLINKS
    assert read_file(chain(40), b"/l0") == b"end"
    assert read_file(chain(41), b"/l0") is None
    with pytest.raises(TreeError, match="/l0 in the image: goes through more than 40 symbolic"):
        place_for(chain(41), b"/l0")


@pytest.mark.parametrize(
    ("path", "place", "missing"),
    [
        (b"/bin", b"/usr/bin", []),
        (b"/bin/new", b"/usr/bin/new", [b"/usr/bin/new"]),
        (b"/a/b", b"/a/b", [b"/a", b"/a/b"]),
        (b"/dangling", b"/usr/none/deep", [b"/usr/none", b"/usr/none/deep"]),
        (
            b"/dangling/x",
            b"/usr/none/deep/x",
            [b"/usr/none", b"/usr/none/deep", b"/usr/none/deep/x"],
        ),
        (b"/a/../bin", b"/usr/bin", []),
    ],
)
def test_place_for(path: bytes, place: bytes, missing: list[bytes]) -> None:
    assert place_for(TREE, path) == (place, missing)


@pytest.mark.parametrize("path", [b"/usr/bin/text/x", b"/through", b"/bin/sh/x/y"])
def test_a_file_in_the_way(path: bytes) -> None:
    with pytest.raises(TreeError, match="is not a directory"):
        place_for(TREE, path)


def test_what_is_there() -> None:
    there = {path: is_there(TREE, path) for path in (b"/bin", b"/dangling", b"/none", b"/bin/sh")}
    assert there == {b"/bin": True, b"/dangling": True, b"/none": False, b"/bin/sh": True}
    assert not is_there(TREE, b"/none/x")
    assert not is_there(TREE, b"/bin/sh/x")


def test_files() -> None:
    assert find_file(TREE, b"/bin") is None
    assert find_file(TREE, b"/bin/sh", executable=True) is not None
    assert find_file(TREE, b"/bin/text") is not None
    assert find_file(TREE, b"/bin/text", executable=True) is None
    assert read_file(TREE, b"/bin/text") == b"text"


def test_a_file_too_large_to_be_peoples() -> None:
    tree = Tree()
    tree.root.children[b"passwd"] = File(Metadata(mode=0o644), (64 << 20) + 1, b"")
    with pytest.raises(TreeError) as caught:
        read_file(tree, b"/passwd")
    assert str(caught.value) == "/passwd in the image: is too large to be read: 67108865 bytes"
