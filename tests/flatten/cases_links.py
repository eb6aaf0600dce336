"""Hard links.

image-spec, layer.md: "Hardlinks are a POSIX concept for having one or more directory entries for
the same file on the same device. Not all filesystems support hardlinks." and "The linkname [...]
is the target file path that will be linked to".
"""

from __future__ import annotations

from tests.flatten.case_table import case
from tests.flatten.tars import (
    block,
    char,
    directory,
    fifo,
    file,
    hardlink,
    symlink,
    whiteout,
)

__all__ = ["CASES"]

LATER = "umoci links at once and fails: tars of Bazel and of sorted writers have targets later"
A = (file(b"a", b"1"),)

CASES = (
    case("link in its own layer", {"a": "file 1", "b": "= a"}, (*A, hardlink(b"b", b"a"))),
    case("link to a lower layer's file", {"a": "file 1", "b": "= a"}, A, (hardlink(b"b", b"a"),)),
    case(
        "link two layers up",
        {"a": "file 1", "b": "= a"},
        A,
        (file(b"c"),),
        (whiteout(b"c"), hardlink(b"b", b"a")),
    ),
    case(
        "link with a leading slash and dots",
        {"a": "file 1", "b": "= a"},
        (*A, hardlink(b"b", b"/./a")),
    ),
    case(
        "target replaced above: the link keeps the old content",
        {"a": "file 2", "b": "file 1"},
        (*A, hardlink(b"b", b"a")),
        (file(b"a", b"2"),),
    ),
    case("target whited out above", {"b": "file 1"}, (*A, hardlink(b"b", b"a")), (whiteout(b"a"),)),
    case(
        "target replaced later in its layer",
        {"a": "file 2", "b": "file 1"},
        (*A, hardlink(b"b", b"a"), file(b"a", b"2")),
    ),
    case(
        "link replaced later in its layer",
        {"a": "file 1", "b": "file 2"},
        (*A, hardlink(b"b", b"a"), file(b"b", b"2")),
    ),
    case(
        "link over a file",
        {"a": "file 1", "b": "= a"},
        (*A, file(b"b", b"2")),
        (hardlink(b"b", b"a"),),
    ),
    case(
        "link again",
        {"a": "file 1", "b": "= a"},
        (*A, hardlink(b"b", b"a")),
        (hardlink(b"b", b"a"),),
    ),
    case(
        "link of a name to itself changes nothing",
        {"a": "file 1"},
        (*A, hardlink(b"a", b"a")),
        umoci="umoci removes the name first and fails: nothing in the spec forbids it",
    ),
    case(
        "chain",
        {"a": "file 1", "b": "= a", "c": "= a"},
        (*A, hardlink(b"b", b"a"), hardlink(b"c", b"b")),
    ),
    case(
        "links after a rename-like swap",
        {"a": "file 2", "b": "file 1", "t": "= b"},
        (*A, file(b"b", b"2")),
        (hardlink(b"t", b"a"), hardlink(b"a", b"b"), hardlink(b"b", b"t")),
    ),
    case(
        "owner, mode and time of a link's header are ignored",
        {"a": "file 1 | mode=600 uid=5 mtime=9", "b": "= a"},
        (
            file(b"a", b"1", mode=0o600, uid=5, mtime=9),
            hardlink(b"b", b"a", mode=0o777, uid=7, mtime=3),
        ),
    ),
    case(
        "target later in the layer",
        {"a": "file 1", "b": "= a"},
        (hardlink(b"a", b"b"), file(b"b", b"1")),
        umoci=LATER,
    ),
    case(
        "chain backwards",
        {"a": "file 1", "b": "= a", "c": "= a"},
        (hardlink(b"a", b"b"), hardlink(b"b", b"c"), file(b"c", b"1")),
        umoci=LATER,
    ),
    case(
        "waiting link replaced before its target comes",
        {"a": "file 2", "b": "file 1"},
        (hardlink(b"a", b"b"), file(b"a", b"2"), file(b"b", b"1")),
        umoci=LATER,
    ),
    case(
        "waiting link whose directory goes",
        {"b": "file 1", "d": "file 2"},
        (hardlink(b"d/a", b"b"), file(b"d", b"2"), file(b"b", b"1")),
        umoci=LATER,
    ),
    case(
        "waiting link over a lower file",
        {"a": "file 1", "b": "= a"},
        (file(b"a", b"0"),),
        (hardlink(b"a", b"b"), file(b"b", b"1")),
        umoci=LATER,
    ),
    case(
        "target now, although it is replaced later",
        {"a": "file 0", "b": "file 1"},
        (file(b"b", b"0"),),
        (hardlink(b"a", b"b"), file(b"b", b"1")),
    ),
    case(
        "link to a symlink is a second name of the link itself",
        {"s": "-> a", "t": "= s", "a": "file 1"},
        (*A, symlink(b"s", b"a"), hardlink(b"t", b"s")),
        umoci="",
    ),
    case(
        "link to a dangling symlink",
        {"s": "-> nowhere", "t": "= s"},
        (symlink(b"s", b"nowhere"), hardlink(b"t", b"s")),
    ),
    case(
        "link to a character device",
        {"c": "char 1:3", "d": "= c"},
        (char(b"c", 1, 3), hardlink(b"d", b"c")),
    ),
    case(
        "link to a block device",
        {"c": "block 8:1", "d": "= c"},
        (block(b"c", 8, 1), hardlink(b"d", b"c")),
    ),
    case("link to a fifo", {"p": "fifo", "q": "= p"}, (fifo(b"p"), hardlink(b"q", b"p"))),
    case(
        "link to a fifo of a lower layer",
        {"p": "fifo", "q": "= p"},
        (fifo(b"p"),),
        (hardlink(b"q", b"p"),),
    ),
    case(
        "target through a symlinked directory",
        {"l": "-> d", "d": "dir", "d/a": "file 1", "b": "= d/a"} | {"b": "file 1", "d/a": "= b"},
        (directory(b"d"), file(b"d/a", b"1"), symlink(b"l", b"d"), hardlink(b"b", b"l/a")),
    ),
    case(
        "link below a symlinked directory",
        {"a": "file 1", "l": "-> d", "d": "dir", "d/b": "= a"},
        (*A, directory(b"d"), symlink(b"l", b"d"), hardlink(b"l/b", b"a")),
    ),
    case(
        "link in a directory that nothing describes",
        {"a": "file 1", "d": "dir", "d/b": "= a"},
        (*A, hardlink(b"d/b", b"a")),
    ),
    case(
        "one of two links goes, one comes",
        {"b": "file 1", "c": "= b"},
        (*A, hardlink(b"b", b"a")),
        (whiteout(b"a"), hardlink(b"c", b"b")),
    ),
    case("empty files link too", {"a": "file ", "b": "= a"}, (file(b"a"), hardlink(b"b", b"a"))),
    case(
        "size in a link's header has no payload",
        {"a": "file 1", "b": "= a", "c": "file 3"},
        (*A, hardlink(b"b", b"a", size=700), file(b"c", b"3")),
    ),
    case(
        "target never comes",
        "b: hard link to a target that never comes: a",
        (hardlink(b"b", b"a"),),
    ),
    case(
        "target came in a later layer only",
        "b: hard link to a target that never comes: a",
        (hardlink(b"b", b"a"),),
        A,
    ),
    case(
        "link to itself never comes",
        "b: hard link to a target that never comes: b",
        (hardlink(b"b", b"b"),),
    ),
    case(
        "two links to each other never come",
        "a: hard link to a target that never comes: b",
        (hardlink(b"a", b"b"), hardlink(b"b", b"a")),
    ),
    case(
        "link to a directory",
        "b: hard link to a directory: d",
        (directory(b"d"), hardlink(b"b", b"d")),
    ),
    case("link to the root", "b: hard link to a directory: /", (hardlink(b"b", b"/"),)),
    case(
        "target climbs out",
        "b: hard link's target leaves the root by ..: ../a",
        (*A, hardlink(b"b", b"../a")),
    ),
    case(
        "target with .. inside the tree",
        {"a": "file 1", "b": "= a"},
        (*A, hardlink(b"b", b"x/../a")),
    ),
    case(
        "target hidden earlier in the layer never comes",
        "b: hard link to a target that never comes: a",
        A,
        (whiteout(b"a"), hardlink(b"b", b"a")),
    ),
)
