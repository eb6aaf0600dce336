"""PAX records: which one applies to a member, what cancels one, what an inode can't have.

POSIX.1-2017, pax, "pax Extended Header": "If the <value> field is zero length, it shall delete any
header block field, previously entered extended header value, or global extended header value of
the same name." GNU tar, Go and we keep the header block's field.
"""

from __future__ import annotations

import base64
import struct

from tests.flatten.case_table import Case, case
from tests.flatten.tars import (
    char,
    directory,
    fifo,
    file,
    hardlink,
    member,
    pax,
    symlink,
)

__all__ = ["CASES"]

A = file(b"a", b"1")
B = file(b"b", b"2")
ONE = {"a": "file 1"}
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xFFFFFFFF
NO_GLOBAL = "Go ignores global headers, umoci refuses them: POSIX applies them"
NO_ACL = "umoci 0.4.7 reads no SCHILY.acl records"
NO_LIBARCHIVE = "umoci reads SCHILY records only"


def acl(*entries: tuple[int, int, int], version: int = 2) -> bytes:
    return struct.pack("<I", version) + b"".join(struct.pack("<HHI", *each) for each in entries)


PLAIN = ((USER_OBJ, 6, NOBODY), (GROUP_OBJ, 4, NOBODY), (OTHER, 0, NOBODY))
EXTENDED = (PLAIN[0], (USER, 4, 1000), PLAIN[1], (MASK, 4, NOBODY), PLAIN[2])
TEXT = b"user::rw-,user:1000:r--,group::r--,mask::r--,other::---"


def refused(name: str, value: bytes, reason: str) -> Case:
    return case(
        f"ACL refused: {name}", f"a: {reason}", (pax((b"SCHILY.xattr." + ACCESS, value)), A)
    )


ACCESS, DEFAULT = b"system.posix_acl_access", b"system.posix_acl_default"
ORDER = "acl needs entries for user, group and other, each once and in this order"
SHAPES = "acl is not 4 bytes plus 8 for each entry: "

EMPTY_VALUES = (
    case(
        "empty path, linkpath",
        ONE | {"l": "-> a"},
        (
            pax((b"path", b"x"), (b"path", b"")),
            A,
            pax((b"linkpath", b"x"), (b"linkpath", b"")),
            symlink(b"l", b"a"),
        ),
    ),
    case("empty size", ONE, (pax((b"size", b"9"), (b"size", b"")), A)),
    case(
        "empty owners and times",
        {"a": "file 1 | uid=5 gid=6 mtime=7"},
        (
            pax(*((key, value) for value in (b"99", b"") for key in (b"uid", b"gid", b"mtime"))),
            file(b"a", b"1", uid=5, gid=6, mtime=7),
        ),
    ),
    case(
        "empty global owners and times",
        {"a": "file 1 | uid=9 mtime=9", "b": "file 2 | uid=1", "c": "file 3 | mtime=9"},
        (
            pax((b"uid", b"9"), (b"mtime", b"9"), typeflag=b"g"),
            A,
            pax((b"uid", b""), (b"mtime", b"")),
            file(b"b", b"2", uid=1),
            pax((b"uid", b""), typeflag=b"g"),
            file(b"c", b"3"),
        ),
        umoci=NO_GLOBAL,
    ),
    case(
        "empty global path and linkpath say nothing",
        ONE,
        (pax((b"path", b""), (b"linkpath", b""), (b"size", b""), typeflag=b"g"), A),
        umoci=NO_GLOBAL,
    ),
    case(
        "empty xattrs",
        ONE,
        (
            pax(
                (b"SCHILY.xattr.user.a", b"1"),
                (b"SCHILY.xattr.user.a", b""),
                (b"SCHILY.xattr.user.b", b""),
                (b"LIBARCHIVE.xattr.user.c", b"AA=="),
                (b"LIBARCHIVE.xattr.user.c", b""),
                (b"RHT.security.selinux", b"u:r:t:s0"),
                (b"RHT.security.selinux", b""),
            ),
            A,
        ),
    ),
    case(
        "a record behind an empty one counts",
        {"a": "file 1 | user.a=2"},
        (pax((b"SCHILY.xattr.user.a", b""), (b"SCHILY.xattr.user.a", b"2")), A),
    ),
    case(
        "empty xattr takes a global one back",
        {"a": "file 1 | user.a=1 user.b=1", "b": "file 2 | user.b=1", "c": "file 3 | user.a=1"},
        (
            pax((b"SCHILY.xattr.user.a", b"1"), (b"SCHILY.xattr.user.b", b"1"), typeflag=b"g"),
            A,
            pax((b"SCHILY.xattr.user.a", b"")),
            B,
            pax((b"SCHILY.xattr.user.b", b""), typeflag=b"g"),
            file(b"c", b"3"),
        ),
        umoci=NO_GLOBAL,
    ),
    case(
        "empty ACLs of text",
        {"a": "file 1 | mode=640", "d": "dir"},
        (
            pax((b"SCHILY.acl.access", b""), (b"SCHILY.acl.default", b"")),
            file(b"a", b"1", mode=0o640),
            pax(
                (b"SCHILY.acl.access", TEXT),
                (b"SCHILY.acl.access", b""),
                (b"SCHILY.acl.default", b""),
            ),
            directory(b"d"),
        ),
    ),
    case(
        "ACL of text without entries",
        {"a": "file 1 | mode=640"},
        (pax((b"SCHILY.acl.access", b"\n#effective\n,")), file(b"a", b"1", mode=0o640)),
    ),
    case("empty birth time", ONE, (pax((b"LIBARCHIVE.creationtime", b"")), A)),
    case(
        "empty sparse records",
        ONE,
        (
            pax(
                (b"GNU.sparse.size", b"9"),
                (b"GNU.sparse.offset", b"0"),
                (b"GNU.sparse.map", b"0,1"),
                *((b"GNU.sparse." + key, b"") for key in (b"size", b"offset", b"map", b"name")),
            ),
            A,
        ),
        umoci="Go wants the numbers of a sparse map in their order, also those taken back",
    ),
    case("empty text records", ONE, (pax((b"uname", b""), (b"gname", b""), (b"comment", b"")), A)),
)

NUMBERS = (
    case("size behind zeros", ONE, (pax((b"size", b"0" * 60 + b"1")), A)),
    case(
        "owners behind zeros",
        {"a": "file 1 | uid=7 gid=4294967294"},
        (pax((b"uid", b"0" * 500 + b"7"), (b"gid", b"0" * 30 + b"4294967294")), A),
    ),
    case(
        "time behind zeros",
        {"a": "file 1 | mtime=-4.5", "b": "file 2 | mtime=0.25"},
        (
            pax((b"mtime", b"-" + b"0" * 40 + b"3.5" + b"0" * 40)),
            A,
            pax((b"mtime", b"0" * 40 + b".25")),
            B,
        ),
    ),
    case("a number of zeros", ONE, (pax((b"uid", b"0" * 40), (b"mtime", b"0" * 40)), A)),
    case(
        "record whose length has zeros in front",
        {"a": "file 1 | uid=7"},
        (member(b"x", b"x", b"0000000000000000000000032 uid=7\n"), A),
    ),
    case(
        "sparse map behind zeros",
        {"a": "file \0" + "1"},
        (
            pax(
                (b"GNU.sparse.size", b"0" * 50 + b"2"),
                (b"GNU.sparse.numblocks", b"0" * 50 + b"1"),
                (b"GNU.sparse.map", b"0" * 50 + b"1," + b"0" * 50 + b"1"),
            ),
            A,
        ),
    ),
    case(
        "19 digits that count",
        "PAX record can't be read at offset 0",
        (pax((b"size", b"0" * 9 + b"9" * 19)), A),
    ),
)

HEADERS = (
    case(
        "an empty PAX header takes back the one before",
        ONE,
        (pax((b"uid", b"7"), (b"SCHILY.xattr.user.a", b"1")), pax(), A),
    ),
    case(
        "of three PAX headers the last counts",
        {"a": "file 1 | user.c=3"},
        (
            pax((b"SCHILY.xattr.user.a", b"1"), (b"path", b"x")),
            pax((b"SCHILY.xattr.user.b", b"2"), (b"size", b"0"), (b"mtime", b"9")),
            pax((b"SCHILY.xattr.user.c", b"3")),
            A,
        ),
    ),
    case(
        "a global header between a PAX header and its file",
        {"a": "file 1 | uid=7 gid=8"},
        (pax((b"uid", b"7")), pax((b"gid", b"8"), typeflag=b"g"), A),
        umoci=NO_GLOBAL,
    ),
    case(
        "global linkpath is refused",
        "global PAX header sets what only one file can have",
        (pax((b"linkpath", b"b"), typeflag=b"g"), A),
    ),
    case(
        "global size is refused",
        "global PAX header sets what only one file can have",
        (pax((b"size", b"1"), typeflag=b"g"), A),
    ),
    case(
        "global sparse map is refused",
        "global PAX header sets what only one file can have",
        (pax((b"GNU.sparse.map", b"0,1"), typeflag=b"g"), A),
    ),
    case(
        "records of a hard link count for nothing",
        {"a": "file 1", "b": "= a"},
        (A, pax((b"SCHILY.xattr.user.a", b"1"), (b"mtime", b"99999999999")), hardlink(b"b", b"a")),
    ),
)

TYPES = (
    case(
        "user xattrs only on files and directories",
        {
            "a": "file 1 | user.a=1",
            "d": "dir | user.a=1",
            "l": "-> t | trusted.a=2",
            "c": "char 1:3",
            "f": "fifo",
        },
        tuple(
            part
            for made in (A, directory(b"d"), symlink(b"l", b"t"), char(b"c", 1, 3), fifo(b"f"))
            for part in (
                pax(
                    (b"SCHILY.xattr.user.a", b"1"),
                    *([(b"SCHILY.xattr.trusted.a", b"2")] if made[:1] == b"l" else []),
                ),
                made,
            )
        ),
        umoci="umoci ends with EPERM; Docker and containerd pass it over",
    ),
    case(
        "a symbolic link's mode is 0777",
        {"l": "-> t", "m": "-> t | uid=5"},
        (
            member(b"l", b"2", link=b"t", mode=0o644),
            member(b"m", b"2", link=b"t", mode=0o4000, uid=5),
        ),
    ),
    case(
        "ACLs of a symbolic link",
        {"l": "-> t"},
        (
            pax((b"SCHILY.acl.access", TEXT), (b"SCHILY.xattr." + DEFAULT, acl(*PLAIN))),
            symlink(b"l", b"t"),
        ),
    ),
    case(
        "default ACL of a file",
        "a: has a default ACL, but is not a directory",
        (pax((b"SCHILY.xattr." + DEFAULT, acl(*PLAIN))), A),
    ),
    case(
        "default ACL of a fifo, as text",
        "f: has a default ACL, but is not a directory",
        (pax((b"SCHILY.acl.default", TEXT)), fifo(b"f")),
    ),
    case(
        "default ACL of a device, with names",
        "c: has a default ACL, but is not a directory",
        (pax((b"SCHILY.acl.default", TEXT.replace(b"1000", b"joe"))), char(b"c", 1, 3)),
    ),
)

ACLS = (
    case(
        "ACL of a header only",
        {"a": "file 1", "d": "dir"},
        (
            pax((b"SCHILY.xattr." + ACCESS, acl())),
            A,
            pax(
                (b"SCHILY.xattr." + DEFAULT, acl()),
                (b"LIBARCHIVE.xattr." + ACCESS, base64.b64encode(acl())),
            ),
            directory(b"d"),
        ),
    ),
    case(
        "ACL of no more than a mode",
        {"a": "file 1 | mode=640"},
        (pax((b"SCHILY.xattr." + ACCESS, acl(*PLAIN))), file(b"a", b"1", mode=0o640)),
    ),
    refused("no other", acl(*PLAIN[:2]), ORDER),
    refused("no group", acl(PLAIN[0], PLAIN[2]), ORDER),
    refused("no user", acl(*PLAIN[1:]), ORDER),
    refused(
        "named user without mask",
        acl(PLAIN[0], (USER, 4, 5), *PLAIN[1:]),
        "acl names users or groups but has no mask",
    ),
    refused(
        "named group without mask",
        acl(*PLAIN[:2], (GROUP, 4, 5), PLAIN[2]),
        "acl names users or groups but has no mask",
    ),
    refused("two for the owner", acl(PLAIN[0], *PLAIN), ORDER),
    refused("two masks", acl(*PLAIN[:2], (MASK, 4, NOBODY), (MASK, 4, NOBODY), PLAIN[2]), ORDER),
    refused("out of order", acl(*PLAIN[::-1]), ORDER),
    refused("something behind other", acl(*PLAIN, (MASK, 4, NOBODY)), ORDER),
    refused("unknown tag", acl(*PLAIN, (64, 4, NOBODY)), "acl has an unknown tag: 0x40"),
    refused(
        "unknown permissions",
        acl((USER_OBJ, 8, NOBODY), *PLAIN[1:]),
        "acl has unknown permissions: 0o10",
    ),
    refused(
        "named nobody",
        acl(PLAIN[0], (USER, 4, NOBODY), *PLAIN[1:]),
        "acl has an id out of range: 4294967295",
    ),
    refused("version 1", acl(*PLAIN, version=1), "acl is not of version 2"),
    refused("header of version 3", acl(version=3), "acl is not of version 2"),
    refused("shorter than a header", b"\2\0", "acl is not of version 2"),
    refused("half an entry", acl(*PLAIN)[:-3], SHAPES + "25"),
    case(
        "ACL refused: text without other",
        f"a: {ORDER}",
        (pax((b"SCHILY.acl.access", b"user::rw-,group::r--")), A),
    ),
    case(
        "ACL refused: default as text without group",
        f"d: {ORDER}",
        (pax((b"SCHILY.acl.default", b"user::rw-,other::r--")), directory(b"d")),
    ),
    case(
        "ACL refused: text with an entry twice",
        "a: acl has a duplicate entry: 5",
        (pax((b"SCHILY.acl.access", TEXT.replace(b"1000", b"5") + b",user:5:r--")), A),
    ),
    case(
        "ACL refused: text names a mask",
        "a: acl entry's qualifier does not fit its tag: mask:joe:r--",
        (pax((b"SCHILY.acl.access", TEXT + b",mask:joe:r--")), A),
    ),
    case(
        "ACL refused: a number too large",
        "a: acl entry has an id out of range: user:4294967295:r--",
        (pax((b"SCHILY.acl.access", TEXT + b",user:4294967295:r--")), A),
    ),
    case(
        "empty ACL of a higher layer",
        {"d": "dir"},
        (pax((b"SCHILY.acl.default", TEXT)), directory(b"d")),
        (pax((b"SCHILY.acl.default", b"")), directory(b"d")),
    ),
)

FOREIGN = (
    case(
        "attributes outside Linux's namespaces",
        {"a": "file 1 | user.a=1"},
        (
            pax(
                (b"SCHILY.xattr.com.apple.provenance", b"\1\2"),
                (b"LIBARCHIVE.xattr.com.apple.quarantine", b"MDA4MQ=="),
                (b"SCHILY.xattr.btrfs.compression", b"zstd"),
                (b"SCHILY.xattr.lustre.lov", b"1"),
                (b"SCHILY.xattr.system.foo", b"1"),
                (b"SCHILY.xattr.system.nfs4_acl", b"1"),
                (b"SCHILY.xattr.system.data", b"1"),
                (b"SCHILY.xattr.USER.a", b"1"),
                (b"SCHILY.xattr.user.a", b"1"),
            ),
            A,
        ),
    ),
    case(
        "attributes whose names Linux does not take",
        ONE,
        (
            pax(
                (b"SCHILY.xattr.user.", b"1"),
                (b"SCHILY.xattr.user", b"1"),
                (b"SCHILY.xattr.user." + b"n" * 251, b"1"),
            ),
            A,
        ),
        umoci="umoci ends with EINVAL or ERANGE",
    ),
    case(
        "the longest name of an attribute",
        {"a": "file 1 | user." + "n" * 250 + "=1"},
        (pax((b"SCHILY.xattr.user." + b"n" * 250, b"1")), A),
    ),
    case(
        "times that no filesystem of Linux has",
        {
            "a": "file 1 | mtime=-2147483648",
            "b": "file 2 | mtime=15032385535",
            "c": "file  | mtime=15032385535.999999999",
            "l": "-> t | mtime=15032385535",
            "d": "dir | mtime=-2147483648",
        },
        (
            pax((b"mtime", b"-62135596800")),
            A,
            pax((b"mtime", b"253402300799.5")),
            B,
            pax((b"mtime", b"15032385535.999999999"), (b"atime", b"-62135596800")),
            file(b"c"),
            pax((b"mtime", b"15032385536")),
            symlink(b"l", b"t"),
            pax(
                (b"mtime", b"-2147483648.000000001"),
                (b"ctime", b"99999999999"),
                (b"LIBARCHIVE.creationtime", b"-99999999999"),
            ),
            directory(b"d"),
        ),
        umoci="what the filesystem below has, which need not be ext4",
    ),
)

CASES = (*EMPTY_VALUES, *NUMBERS, *HEADERS, *TYPES, *ACLS, *FOREIGN)
