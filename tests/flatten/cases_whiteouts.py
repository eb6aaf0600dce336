"""Whiteouts and opaque markers.

image-spec, layer.md: "Whiteout files MUST only apply to resources in lower/parent layers. Files
that are present in the same layer as a whiteout file can only be hidden by whiteout files in
subsequent layers." And: "Implementations SHOULD generate layers such that the whiteout files
appear before sibling directory entries", which is not a MUST.
"""

from __future__ import annotations

from tests.flatten.case_table import case
from tests.flatten.tars import char, directory, file, hardlink, opaque, symlink, whiteout

__all__ = ["CASES"]

RESETS = (
    "umoci keeps the hidden directory's attributes where the marker comes last, and not where it "
    "comes first: 'Whiteout files MUST only apply to resources in lower/parent layers' in any order"
)
LINKED = (
    "umoci follows the link, although the same layer puts a directory in its place and no marker "
    "speaks of real/a"
)
D_OLD = (directory(b"d"), file(b"d/old", b"1"), file(b"d/older", b"2"))

AUFS_UNPACKED = "umoci unpacks AUFS's own files too; Docker and containerd go by the driver"

CASES = (
    case(
        "whiteout of a file",
        {"b": "file 2"},
        (file(b"a", b"1"), file(b"b", b"2")),
        (whiteout(b"a"),),
    ),
    case(
        "whiteout of a symlink keeps its target",
        {"b": "file 2"},
        (symlink(b"a", b"b"), file(b"b", b"2")),
        (whiteout(b"a"),),
    ),
    case("whiteout of a device", {}, (char(b"a", 1, 3),), (whiteout(b"a"),)),
    case("whiteout of a directory takes its children", {}, D_OLD, (whiteout(b"d"),)),
    case("whiteout of a missing path", {"a": "file 1"}, (file(b"a", b"1"),), (whiteout(b"b"),)),
    case(
        "whiteout below a missing path makes no parents",
        {"a": "file 1"},
        (file(b"a", b"1"),),
        (whiteout(b"x/y/b"),),
    ),
    case(
        "whiteout in the lowest layer",
        {"a": "file 1"},
        (whiteout(b"a"), file(b"a", b"1"), whiteout(b"b")),
    ),
    case(
        "whiteout behind its name in the lowest layer",
        {"a": "file 1"},
        (file(b"a", b"1"), whiteout(b"a")),
        umoci="",
    ),
    case(
        "whiteout through a symlinked parent",
        {"bin": "-> usr/bin", "usr": "dir", "usr/bin": "dir"},
        (directory(b"usr/bin"), symlink(b"bin", b"usr/bin"), file(b"usr/bin/ls", b"1")),
        (whiteout(b"bin/ls"),),
    ),
    case(
        "whiteout then the same name again",
        {"a": "file 2"},
        (file(b"a", b"1"),),
        (whiteout(b"a"), file(b"a", b"2")),
    ),
    case(
        "the same name, then its whiteout",
        {"a": "file 2"},
        (file(b"a", b"1"),),
        (file(b"a", b"2"), whiteout(b"a")),
    ),
    case(
        "directory whited out and made again before",
        {"d": "dir | mode=700", "d/new": "file 3"},
        D_OLD,
        (whiteout(b"d"), directory(b"d", 0o700), file(b"d/new", b"3")),
    ),
    case(
        "directory whited out and made again behind",
        {"d": "dir | mode=700", "d/new": "file 3"},
        D_OLD,
        (directory(b"d", 0o700), file(b"d/new", b"3"), whiteout(b"d")),
    ),
    case(
        "whiteout behind children of an unnamed parent resets the parent",
        {"d": "dir", "d/new": "file 3"},
        (directory(b"d", 0o700), file(b"d/old", b"1")),
        (file(b"d/new", b"3"), whiteout(b"d")),
        umoci=RESETS,
    ),
    case(
        "whiteout before children of an unnamed parent resets the parent",
        {"d": "dir", "d/new": "file 3"},
        (directory(b"d", 0o700), file(b"d/old", b"1")),
        (whiteout(b"d"), file(b"d/new", b"3")),
    ),
    case(
        "whiteout of one name leaves the other link",
        {"b": "file 1"},
        (file(b"a", b"1"), hardlink(b"b", b"a")),
        (whiteout(b"a"),),
    ),
    case(
        "whiteout of a name that this layer linked",
        {"a": "file 1", "b": "= a"},
        (file(b"a", b"1"), file(b"b", b"2")),
        (hardlink(b"b", b"a"), whiteout(b"b")),
    ),
    case(
        "whiteout of the name that this layer linked to",
        {"b": "file 1"},
        (file(b"a", b"1"),),
        (hardlink(b"b", b"a"), whiteout(b"a")),
    ),
    case(
        "whiteout with content is still one",
        {"b": "file 2"},
        (file(b"a", b"1"), file(b"b", b"2")),
        (file(b".wh.a", b"x" * 600),),
    ),
    case(
        "whiteout then a lower name of another type",
        {"d": "file 3"},
        D_OLD,
        (whiteout(b"d"), file(b"d", b"3")),
    ),
    case("whiteout twice", {}, (file(b"a", b"1"),), (whiteout(b"a"), whiteout(b"a"))),
    case(
        "whiteout, and back in the next layer",
        {"a": "file 2"},
        (file(b"a", b"1"),),
        (whiteout(b"a"),),
        (file(b"a", b"2"),),
    ),
    case("whiteout of a name with odd bytes", {}, (file(b"\xff\n", b"1"),), (whiteout(b"\xff\n"),)),
    case(
        "marker beyond a symlink waits for the directory in its place",
        {"l": "dir", "l/new": "file 2", "real": "dir", "real/a": "file 1"},
        (directory(b"real"), file(b"real/a", b"1"), symlink(b"l", b"real")),
        (whiteout(b"l/a"), directory(b"l"), file(b"l/new", b"2")),
        umoci=LINKED,
    ),
    case(
        "opaque first",
        {"d": "dir", "d/new": "file 3"},
        D_OLD,
        (directory(b"d"), opaque(b"d"), file(b"d/new", b"3")),
    ),
    case(
        "opaque in the middle",
        {"d": "dir", "d/a": "file 3", "d/b": "file 4"},
        D_OLD,
        (directory(b"d"), file(b"d/a", b"3"), opaque(b"d"), file(b"d/b", b"4")),
    ),
    case(
        "opaque last",
        {"d": "dir", "d/new": "file 3"},
        D_OLD,
        (directory(b"d"), file(b"d/new", b"3"), opaque(b"d")),
    ),
    case(
        "opaque without the directory's entry keeps its attributes",
        {"d": "dir | mode=1777"},
        (directory(b"d", 0o1777), file(b"d/old", b"1")),
        (opaque(b"d"),),
    ),
    case(
        "opaque before the directory's own entry",
        {"d": "dir | mode=700"},
        D_OLD,
        (opaque(b"d"), directory(b"d", 0o700)),
    ),
    case(
        "opaque behind a file that replaces a lower one",
        {"d": "dir", "d/old": "file 9"},
        D_OLD,
        (file(b"d/old", b"9"), opaque(b"d")),
    ),
    case(
        "opaque takes whole subtrees",
        {"d": "dir"},
        (directory(b"d"), directory(b"d/e"), directory(b"d/e/f"), file(b"d/e/f/g", b"1")),
        (opaque(b"d"),),
    ),
    case(
        "opaque keeps this layer's files deep down",
        {"d": "dir", "d/e": "dir", "d/e/new": "file 2"},
        (directory(b"d"), directory(b"d/e", 0o700), file(b"d/e/old", b"1")),
        (file(b"d/e/new", b"2"), opaque(b"d")),
        umoci=RESETS,
    ),
    case(
        "opaque in the root",
        {"b": "file 2"},
        (file(b"a", b"1"), directory(b"d")),
        (opaque(b""), file(b"b", b"2")),
    ),
    case(
        "opaque in a directory that its own layer makes",
        {"n": "dir", "n/a": "file 1"},
        (file(b"x", b"0"),),
        (whiteout(b"x"), directory(b"n"), file(b"n/a", b"1"), opaque(b"n")),
    ),
    case(
        "opaque in a directory that does not exist makes none",
        {"a": "file 1"},
        (file(b"a", b"1"),),
        (opaque(b"x"),),
    ),
    case(
        "opaque in the lowest layer",
        {"d": "dir", "d/a": "file 1"},
        (directory(b"d"), file(b"d/a", b"1"), opaque(b"d")),
    ),
    case(
        "opaque through a symlink",
        {"l": "-> real", "real": "dir"},
        (directory(b"real"), file(b"real/a", b"1"), symlink(b"l", b"real")),
        (opaque(b"l"),),
    ),
    case(
        "opaque of a directory that replaces a symlink below",
        {"l": "dir", "real": "dir", "real/a": "file 1"},
        (directory(b"real"), file(b"real/a", b"1"), symlink(b"l", b"real")),
        (opaque(b"l"), directory(b"l")),
        umoci=LINKED,
    ),
    case(
        "opaque and a whiteout inside",
        {"d": "dir", "d/n": "file 3"},
        D_OLD,
        (opaque(b"d"), whiteout(b"d/old"), file(b"d/n", b"3")),
    ),
    case(
        "opaque hides what the second layer brought too",
        {"d": "dir"},
        D_OLD,
        (file(b"d/x", b"3"),),
        (opaque(b"d"),),
    ),
    case(
        "opaque over hard links keeps the outer name",
        {"d": "dir", "o": "file 1"},
        (directory(b"d"), file(b"d/a", b"1"), hardlink(b"o", b"d/a")),
        (opaque(b"d"),),
    ),
    case(
        "opaque over a nameless parent with a link of this layer",
        {"d": "dir", "d/k": "file 1"},
        (directory(b"d"), file(b"d/a", b"1")),
        (hardlink(b"d/k", b"d/a"), opaque(b"d")),
    ),
    case(
        "aufs bookkeeping is left out",
        {"a": "file 1"},
        (
            directory(b".wh..wh.plnk"),
            file(b".wh..wh.plnk/1.2", b"x"),
            file(b".wh..wh.aufs"),
            file(b"a", b"1"),
        ),
        umoci=AUFS_UNPACKED,
    ),
    case(
        "aufs: links into the directory of linked files have its files' content",
        {"a": "file x | mode=600 uid=7", "d": "dir", "d/b": "= a", "c": "file yy"},
        (
            directory(b".wh..wh.plnk", 0o700),
            file(b".wh..wh.plnk/14.3", b"x", mode=0o600, uid=7),
            file(b"./.wh..wh.plnk/15.3", b"yy"),
            file(b".wh..wh.plnk/16.3", b"of no name"),
            hardlink(b"a", b".wh..wh.plnk/14.3"),
            hardlink(b"d/b", b"/.wh..wh.plnk/14.3"),
            hardlink(b"c", b"./.wh..wh.plnk/15.3"),
        ),
        umoci=AUFS_UNPACKED,
    ),
    case(
        "aufs: the linked file comes behind its links",
        {"a": "file x", "b": "= a"},
        (
            hardlink(b"a", b".wh..wh.plnk/1.2"),
            hardlink(b"b", b".wh..wh.plnk/1.2"),
            file(b".wh..wh.plnk/1.2", b"x"),
        ),
        umoci=AUFS_UNPACKED,
    ),
    case(
        "aufs: each layer has linked files of its own",
        {"a": "file low", "b": "file high"},
        (file(b".wh..wh.plnk/1.2", b"low"), hardlink(b"a", b".wh..wh.plnk/1.2")),
        (file(b".wh..wh.plnk/1.2", b"high"), hardlink(b"b", b".wh..wh.plnk/1.2")),
        umoci=AUFS_UNPACKED,
    ),
    case(
        "aufs: a link to another layer's linked file",
        "b: hard link to a target that never comes: .wh..wh.plnk/1.2",
        (file(b".wh..wh.plnk/1.2", b"low"), hardlink(b"a", b".wh..wh.plnk/1.2")),
        (hardlink(b"b", b".wh..wh.plnk/1.2"),),
    ),
    case(
        "aufs: such a directory elsewhere has nothing",
        {"d": "dir"},
        (directory(b"d"), file(b"d/.wh..wh.plnk/1.2", b"x"), file(b".wh..wh.plnk/d/e", b"x")),
        umoci=AUFS_UNPACKED,
    ),
    case("name .wh. is refused", "name is reserved for whiteouts", (file(b".wh."),)),
    case("name .wh.. is refused", "name is reserved for whiteouts", (file(b"d/.wh.."),)),
    case("name .wh... is refused", "name is reserved for whiteouts", (file(b".wh..."),)),
    case(
        "a directory named like a marker is refused with its child",
        "name is reserved for whiteouts",
        (file(b".wh.d/x", b"1"),),
    ),
    case("a marker climbing out is refused", "path leaves the root by ..", (file(b"../.wh.a"),)),
)
