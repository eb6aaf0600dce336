"""Directories and their attributes, parents, symbolic links on the way, names.

image-spec, layer.md, "Changeset over existing files": "the existing path's attributes MUST be
replaced by those of the entry". Where it says nothing, we do what the kernel does in a chroot.
"""

from __future__ import annotations

from tests.flatten.case_table import case
from tests.flatten.tars import block, char, directory, file, member, pax, symlink

__all__ = ["CASES"]

USR = (directory(b"usr/bin"), symlink(b"bin", b"usr/bin"), file(b"usr/bin/a", b"1"))
USR_TREE = {"bin": "-> usr/bin", "usr": "dir", "usr/bin": "dir", "usr/bin/a": "file 1"}
DEEP = b"/".join([b"d"] * 1100) + b"/f"

CASES = (
    case(
        "directory over directory keeps children",
        {"d": "dir | mode=1777 uid=7", "d/a": "file 1"},
        (directory(b"d"), file(b"d/a", b"1")),
        (directory(b"d", 0o1777, uid=7),),
    ),
    case(
        "directory twice in one layer",
        {"d": "dir | mode=700", "d/a": "file 1"},
        (directory(b"d"), file(b"d/a", b"1"), directory(b"d", 0o700)),
    ),
    case(
        "upper directory drops lower xattrs",
        {"d": "dir"},
        (pax((b"SCHILY.xattr.user.a", b"1")), directory(b"d")),
        (directory(b"d"),),
    ),
    case(
        "file twice: the last wins",
        {"a": "file 2 | mode=600"},
        (file(b"a", b"1"), file(b"a", b"2", mode=0o600)),
    ),
    case(
        "file three times with others between",
        {"a": "file 3", "b": "file x", "c": "file y"},
        (
            file(b"a", b"1" * 2000),
            file(b"b", b"x"),
            file(b"a", b"2"),
            file(b"c", b"y"),
            file(b"a", b"3"),
        ),
    ),
    case(
        "file over file with less content",
        {"a": "file 2"},
        (file(b"a", b"1" * 5000),),
        (file(b"a", b"2"),),
    ),
    case(
        "implicit parents", {"d": "dir", "d/e": "dir", "d/e/f": "file 1"}, (file(b"d/e/f", b"1"),)
    ),
    case(
        "implicit parents keep a lower 1777",
        {"tmp": "dir | mode=1777", "tmp/a": "file 1"},
        (directory(b"tmp", 0o1777),),
        (file(b"tmp/a", b"1"),),
    ),
    case(
        "parent's entry behind its child",
        {"d": "dir | mode=700", "d/a": "file 1"},
        (file(b"d/a", b"1"), directory(b"d", 0o700)),
    ),
    case(
        "file in place of an implicit parent",
        {"d": "file 2"},
        (file(b"d/a", b"1"), file(b"d", b"2")),
    ),
    case(
        "child below a lower file makes a directory",
        {"d": "dir", "d/a": "file 2"},
        (file(b"d", b"1"),),
        (file(b"d/a", b"2"),),
        umoci="umoci fails: the spec has no rule, an overlay's upper directory hides a lower file",
    ),
    case(
        "child below a file of the same layer",
        {"d": "dir", "d/a": "file 2"},
        (file(b"d", b"1"), file(b"d/a", b"2")),
        umoci="umoci fails, as above",
    ),
    case(
        "root entry sets the root's attributes",
        {".": "dir | mode=700 uid=3", "a": "file 1"},
        (directory(b"./", 0o700, uid=3), file(b"a", b"1")),
    ),
    case(
        "root entry of an upper layer",
        {".": "dir | mode=1777", "a": "file 1"},
        (directory(b"./", 0o700), file(b"a", b"1")),
        (directory(b"/", 0o1777),),
    ),
    case(
        "root entry that is a file",
        "/: the root must be a directory",
        (file(b".", b""),),
        umoci="",
    ),
    case("root entry that is a symlink", "/: the root must be a directory", (symlink(b".", b"x"),)),
    case(
        "names with ./ and doubled slashes",
        {"d": "dir", "d/a": "file 1"},
        (directory(b"./d//"), file(b".//d/./a", b"1")),
    ),
    case("absolute names", {"d": "dir", "d/a": "file 1"}, (file(b"/d/a", b"1"),)),
    case("name with .. inside the tree", {"b": "file 1"}, (file(b"a/../b", b"1"),)),
    case("name that climbs out", "path leaves the root by ..", (file(b"../a", b"1"),)),
    case(
        "name that climbs out from below", "path leaves the root by ..", (file(b"a/../../b", b"1"),)
    ),
    case("absolute name that climbs out", "path leaves the root by ..", (file(b"/../a", b"1"),)),
    case("directory named ..", "path leaves the root by ..", (directory(b".."),)),
    case(
        "name of 255 bytes", {"n" * 255: "file 1"}, (pax((b"path", b"n" * 255)), file(b"x", b"1"))
    ),
    case(
        "name of 256 bytes",
        "path has a component of more than 255 bytes",
        (pax((b"path", b"n" * 256)), file(b"x", b"1")),
    ),
    case(
        "path of 4096 bytes",
        {"/".join(["n" * 255] * k): "dir" for k in range(1, 16)}
        | {"/".join(["n" * 255] * 16): "file 1"},
        (pax((b"path", b"/" + b"/".join([b"n" * 255] * 16))), file(b"x", b"1")),
        umoci="the host's PATH_MAX with umoci's own prefix does not allow it",
    ),
    case("too deep", "exceeds the limit depth: 1024", (pax((b"path", DEEP)), file(b"x", b"1"))),
    case(
        "any bytes in names",
        {"\xff\xfe\x01 \\\n": "file 1", "\xe2\x82": "dir"},
        (file(b"\xff\xfe\x01 \\\n", b"1"), directory(b"\xe2\x82")),
    ),
    case("name with a colon, blanks, quotes", {" a:'\"b ": "file 1"}, (file(b" a:'\"b ", b"1"),)),
    case(
        "path through bin -> usr/bin",
        {**USR_TREE, "usr/bin/b": "file 2"},
        USR,
        (file(b"bin/b", b"2"),),
    ),
    case(
        "replacing a file through bin -> usr/bin",
        {**USR_TREE, "usr/bin/a": "file 2"},
        USR,
        (file(b"bin/a", b"2"),),
    ),
    case(
        "making directories through a symlink",
        {**USR_TREE, "usr/bin/x": "dir", "usr/bin/x/y": "file 3"},
        USR,
        (file(b"bin/x/y", b"3"),),
    ),
    case(
        "directory entry over a symlink replaces it",
        {**USR_TREE, "bin": "dir", "bin/b": "file 2"},
        USR,
        (directory(b"bin"), file(b"bin/b", b"2")),
    ),
    case(
        "absolute symlink on the way stays in the tree",
        {"l": "-> /real", "real": "dir", "real/a": "file 1"},
        (directory(b"real"), symlink(b"l", b"/real"), file(b"l/a", b"1")),
    ),
    case(
        "symlink on the way that climbs ends at the root",
        {"l": "-> ../../../real", "real": "dir", "real/a": "file 1"},
        (directory(b"real"), symlink(b"l", b"../../../real"), file(b"l/a", b"1")),
    ),
    case(
        "symlink relative to its own directory",
        {"d": "dir", "d/l": "-> e", "d/e": "dir", "d/e/a": "file 1"},
        (directory(b"d/e"), symlink(b"d/l", b"e"), file(b"d/l/a", b"1")),
    ),
    case(
        "symlink with .. after a symlink",
        {
            "d": "dir",
            "d/e": "dir",
            "l": "-> d/e",
            "m": "-> l/../x",
            "d/x": "dir",
            "d/x/a": "file 1",
        },
        (
            directory(b"d/e"),
            directory(b"d/x"),
            symlink(b"l", b"d/e"),
            symlink(b"m", b"l/../x"),
            file(b"m/a", b"1"),
        ),
    ),
    case(
        "chain of symlinks on the way",
        {"a": "-> b", "b": "-> c", "c": "dir", "c/f": "file 1"},
        (directory(b"c"), symlink(b"b", b"c"), symlink(b"a", b"b"), file(b"a/f", b"1")),
    ),
    case(
        "dangling symlink on the way makes its target",
        {"l": "-> real/x", "real": "dir", "real/x": "dir", "real/x/a": "file 1"},
        (symlink(b"l", b"real/x"), file(b"l/a", b"1")),
    ),
    case(
        "symlink on the way to a name of 256 bytes",
        "l/a: path leads through a component of more than 255 bytes",
        (pax((b"linkpath", b"n" * 256)), symlink(b"l", b"x"), file(b"l/a", b"1")),
    ),
    case(
        "symlinks on the way that lead too deep",
        "l/l/a: exceeds the limit depth: 1024",
        (
            pax((b"linkpath", b"d/" * 800)),
            symlink(b"l", b"x"),
            pax((b"path", b"d/" * 800 + b"l"), (b"linkpath", b"d/" * 800)),
            symlink(b"x", b"x"),
            file(b"l/l/a", b"1"),
        ),
    ),
    case(
        "symlink loop on the way",
        "l/a: path goes through more than 40 symbolic links",
        (symlink(b"l", b"m"), symlink(b"m", b"l"), file(b"l/a", b"1")),
    ),
    case(
        "symlink to itself as the last component is replaced",
        {"l": "file 1"},
        (symlink(b"l", b"l"),),
        (file(b"l", b"1"),),
    ),
    case(
        "dangling and outward targets stay as they are",
        {"a": "-> ../../etc", "b": "-> /no/such", "c": "-> ."},
        (symlink(b"a", b"../../etc"), symlink(b"b", b"/no/such"), symlink(b"c", b".")),
    ),
    case(
        "directory to symlink to directory over three layers",
        {"d": "dir | mode=700", "d/c": "file 3", "e": "dir", "e/b": "file 2"},
        (directory(b"d"), file(b"d/a", b"1"), directory(b"e")),
        (symlink(b"d", b"e"), file(b"d/b", b"2")),
        (directory(b"d", 0o700), file(b"d/c", b"3")),
    ),
    case(
        "a cached parent that becomes a symlink",
        {"d": "-> e", "e": "dir", "e/b": "file 2"},
        (
            directory(b"d"),
            file(b"d/a", b"1"),
            directory(b"e"),
            symlink(b"d", b"e"),
            file(b"d/b", b"2"),
        ),
    ),
    case(
        "a cached parent behind a symlink that turns",
        {"l": "-> f", "e": "dir", "e/a": "file 1", "f": "dir", "f/a": "file 2"},
        (
            directory(b"e"),
            directory(b"f"),
            symlink(b"l", b"e"),
            file(b"l/a", b"1"),
            symlink(b"l", b"f"),
            file(b"l/a", b"2"),
        ),
    ),
    case(
        "setuid, setgid and sticky",
        {"a": "file  | mode=4755", "b": "file  | mode=2755", "d": "dir | mode=3777"},
        (file(b"a", mode=0o4755), file(b"b", mode=0o2755), directory(b"d", 0o3777)),
    ),
    case("file type bits in the mode field", {"a": "file 1"}, (file(b"a", b"1", mode=0o100644),)),
    case(
        "owners of 32 bits",
        {"a": "file 1 | uid=4294967294 gid=70000"},
        (pax((b"uid", b"4294967294"), (b"gid", b"70000")), file(b"a", b"1")),
    ),
    case(
        'owner -1, which chown(2) takes for "leave it", is root',
        {"a": "file 1", "b": "file 2 | uid=5", "c": "file 3"},
        (
            pax((b"uid", b"4294967295")),
            file(b"a", b"1"),
            pax((b"uid", b"5"), (b"gid", b"-1")),
            file(b"b", b"2"),
            member(b"c", b"0", b"3", extra={108: b"\xff" * 8}),
        ),
    ),
    case(
        "owner beyond 32 bits",
        "owner, group or device number is out of range at offset 0",
        (pax((b"uid", b"4294967296")), file(b"a", b"1")),
    ),
    case(
        "largest device numbers",
        {"c": "char 4095:1048575", "b": "block 4095:1048575"},
        (char(b"c", 4095, 1048575), block(b"b", 4095, 1048575)),
    ),
    case(
        "device major too large", "c: device number is out of range: 4096:0", (char(b"c", 4096, 0),)
    ),
    case(
        "device minor too large",
        "b: device number is out of range: 0:1048576",
        (block(b"b", 0, 1048576),),
    ),
    case("device 0:0 is a device", {"w": "char 0:0"}, (char(b"w", 0, 0),)),
    case(
        "symlink target of 4095 bytes",
        {"l": "-> " + "t" * 4095},
        (pax((b"linkpath", b"t" * 4095)), symlink(b"l", b"x")),
    ),
    case(
        "symlink target of 4096 bytes",
        "symbolic link's target is longer than 4095 bytes: 4096",
        (pax((b"linkpath", b"t" * 4096)), symlink(b"l", b"x")),
    ),
    case("symlink without a target", "l: symbolic link has no target", (symlink(b"l", b""),)),
    case("unknown type", "a: has an unknown type: 'Z'", (member(b"a", b"Z"),)),
    case(
        "multi-volume",
        "a: continues a file from another volume of a multi-volume archive",
        (member(b"a", b"M"),),
    ),
    case("incremental dump", "a: is a directory of a GNU incremental dump", (member(b"a", b"D"),)),
    case(
        "volume label is not a file",
        {"a": "file 1"},
        (member(b"Backup", b"V"), file(b"a", b"1")),
        umoci="umoci refuses the type; a label is not a file and nothing is lost with it",
    ),
    case(
        "contiguous file is a file",
        {"a": "file 1"},
        (member(b"a", b"7", b"1"),),
        umoci="umoci refuses type 7: POSIX has it treated as a regular file",
    ),
    case(
        "same layer twice",
        {"a": "file 1", "d": "dir", "d/b": "file 2"},
        (file(b"a", b"1"), file(b"d/b", b"2")),
        (file(b"a", b"1"), file(b"d/b", b"2")),
    ),
    case("empty layer in between", {"a": "file 1"}, (file(b"a", b"1"),), (), ()),
)
