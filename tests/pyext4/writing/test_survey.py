"""Numbers, columns and link counts of trees, and values that are not trees."""

from __future__ import annotations

from array import array

import pytest

from pyext4 import ContentError, Directory, Fifo, File, Metadata, Symlink, Tree
from pyext4.tree import Node
from pyext4.writing.survey import path_of, survey
from tests.pyext4.small_trees import EXECUTABLE, PLAIN, file_of

LOST_AND_FOUND = Metadata(mode=0o700, mtime_ns=7)


def directory(**children: Node) -> Directory:
    return Directory(EXECUTABLE, {name.encode(): node for name, node in children.items()})


def entries_of(tree: Tree) -> list[list[tuple[bytes, int]]]:
    """Return the names and inode numbers of each directory in the survey's order."""
    found = survey(tree, LOST_AND_FOUND)
    out = []
    entry = at = 0
    for count in found.entry_counts:
        names = []
        for _ in range(count):
            length = found.lengths[entry]
            names.append((bytes(found.names[at : at + length]), found.inos[entry]))
            entry += 1
            at += length
        out.append(names)
    return out


def test_lost_and_found_is_11_and_entries_follow_in_order() -> None:
    tree = Tree(
        directory(b=file_of(b""), a=directory(z=file_of(b""), y=directory()), c=Fifo(PLAIN))
    )
    assert entries_of(tree) == [
        [(b"lost+found", 11), (b"a", 12), (b"b", 13), (b"c", 14)],
        [],
        [(b"y", 15), (b"z", 16)],
        [],
    ]
    found = survey(tree, LOST_AND_FOUND)
    assert found.directories == array("I", [0, 1, 2, 5])
    assert found.parent_inos == array("I", [2, 2, 2, 12])
    assert list(found.links) == [4, 2, 3, 1, 1, 2, 1]
    assert bytes(found.types) == bytes([2, 2, 1, 5, 2, 1])


def test_lost_and_found_that_is_missing_is_made() -> None:
    found = survey(Tree(), LOST_AND_FOUND)
    assert found.nodes[1].meta == LOST_AND_FOUND
    assert found.ino_of(0) == 2
    assert found.ino_of(1) == 11


def test_lost_and_found_of_the_tree_stays() -> None:
    own = directory(found=file_of(b"x"))
    tree = Tree(Directory(EXECUTABLE, {b"lost+found": own, b"a": file_of(b"")}))
    found = survey(tree, LOST_AND_FOUND)
    assert found.nodes[1] is own
    assert b"lost+found" in tree.root.children
    assert entries_of(tree)[0] == [(b"lost+found", 11), (b"a", 12)]


def test_lost_and_found_must_be_a_directory() -> None:
    tree = Tree(Directory(EXECUTABLE, {b"lost+found": file_of(b"")}))
    with pytest.raises(ContentError, match=r"^/lost\+found: ext4 needs a directory"):
        survey(tree, LOST_AND_FOUND)


def test_the_tree_is_not_changed() -> None:
    tree = Tree()
    survey(tree, LOST_AND_FOUND)
    assert tree.root.children == {}


@pytest.mark.parametrize("node", [File(PLAIN), Symlink(PLAIN, b"t"), Fifo(PLAIN)])
def test_links_share_a_number(node: Node) -> None:
    tree = Tree(directory(a=node, d=directory(b=node), e=node))
    found = survey(tree, LOST_AND_FOUND)
    assert entries_of(tree)[0][1:] == [(b"a", 12), (b"d", 13), (b"e", 12)]
    assert found.links[2] == 3


def linked(count: int) -> Tree:
    shared = file_of(b"")
    return Tree(Directory(EXECUTABLE, {b"%d" % n: shared for n in range(count)}))


def test_links_65000() -> None:
    assert survey(linked(65_000), LOST_AND_FOUND).links[2] == 65_000


def test_links_65001() -> None:
    with pytest.raises(ContentError, match=r"^/0: it has more than 65000 hard links$"):
        survey(linked(65_001), LOST_AND_FOUND)


def test_directory_under_two_names() -> None:
    twice = directory()
    tree = Tree(directory(a=directory(b=twice), c=twice))
    with pytest.raises(ContentError, match=r"^/(c|a/b): a directory can have only one name$"):
        survey(tree, LOST_AND_FOUND)


def test_directory_inside_itself() -> None:
    loop = directory()
    loop.children[b"loop"] = loop
    with pytest.raises(ContentError, match="a directory can have only one name"):
        survey(Tree(directory(a=loop)), LOST_AND_FOUND)


def test_root_inside_itself() -> None:
    tree = Tree()
    tree.root.children[b"root"] = tree.root
    with pytest.raises(ContentError, match="a directory can have only one name"):
        survey(tree, LOST_AND_FOUND)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\0", b"\0", b"n" * 256])
def test_bad_names(name: bytes) -> None:
    tree = Tree(directory(d=Directory(EXECUTABLE, {b"good": file_of(b""), name: file_of(b"")})))
    with pytest.raises(ContentError) as caught:
        survey(tree, LOST_AND_FOUND)
    assert caught.value.path == b"/d/" + name


@pytest.mark.parametrize("name", [b"...", b" ", b"n" * 255, b"\xff" * 255, b"\n", b"..a"])
def test_good_names(name: bytes) -> None:
    assert entries_of(Tree(Directory(EXECUTABLE, {name: file_of(b"")})))[0][1] == (name, 12)


def test_path_of_a_link_is_its_first() -> None:
    shared = file_of(b"")
    assert path_of(Tree(directory(b=shared, a=directory(z=shared))), shared) == b"/a/z"


def test_path_of_the_lost_and_found_that_was_made() -> None:
    assert path_of(Tree(), Directory(LOST_AND_FOUND)) == b"/lost+found"
