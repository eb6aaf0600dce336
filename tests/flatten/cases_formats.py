"""Dialects of tar and of compression, byte for byte.

image-spec, layer.md: "Layer Changesets for the media type application/vnd.oci.image.layer.v1.tar
MUST be packaged in tar archive"; it doesn't name a dialect, so all that writers use must be read.
"""

from __future__ import annotations

import gzip
import struct

from tests.flatten.blobs import blob_layer, estargz, gzip_members, skippable, zstd_frames
from tests.flatten.case_table import case
from tests.flatten.tars import directory, file, hardlink, member, pax, record, symlink, tar

__all__ = ["CASES"]

GNU = b"ustar  \0"
V7 = bytes(8)
A = file(b"a", b"1")
ONE = {"a": "file 1"}
BIG = b"0123456789abcdef" * 40_000
TWO = tar([file(b"big", BIG), A])
TWO_TREE = {"big": "file " + BIG.decode(), "a": "file 1"}
ZSTD = "umoci 0.4.7 knows no zstd"
PLAIN = "umoci 0.4.7 goes by the media type, which the layout of the comparison has as gzip"
XATTRS = (
    (b"SCHILY.xattr.user.b", b"2"),
    (b"SCHILY.xattr.user.a", b"1=\n\0"),
)
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        (1, 6, 0xFFFFFFFF),
        (2, 4, 1000),
        (4, 4, 0xFFFFFFFF),
        (16, 4, 0xFFFFFFFF),
        (32, 0, 0xFFFFFFFF),
    )
)
ACL_TREE = {"a": "file 1 | mode=640 system.posix_acl_access=" + ACL.decode("latin-1")}
NO_ACL = "umoci 0.4.7 reads no SCHILY.acl records"
NO_SPARSE = "umoci refuses type S, which its tar reader has already made whole"
SPARSE_DATA = b"A" * 512 + b"B" * 100
SPARSE_TREE = {"s": "file " + (b"A" * 512 + bytes(1536) + b"B" * 100 + bytes(952)).decode()}


def sparse_header(
    pairs: list[tuple[int, int]], size: int, *, more: bool = False
) -> dict[int, bytes]:
    """The GNU header's sparse structs, flag and real size."""
    structs = b"".join(b"%011o\0%011o\0" % pair for pair in pairs)
    return {386: structs, 482: b"\1" if more else b"\0", 483: b"%011o\0" % size}


def sparse_extension(pairs: list[tuple[int, int]], *, more: bool = False) -> bytes:
    structs = b"".join(b"%011o\0%011o\0" % pair for pair in pairs)
    return (structs.ljust(504, b"\0") + (b"\1" if more else b"\0")).ljust(512, b"\0")


def old_sparse_with_extensions() -> bytes:
    """An S member of 40 segments of one byte each: two extension blocks, then the payload."""
    pairs = [(index * 10, 1) for index in range(40)]
    head = member(b"s", b"S", size=40, magic=GNU, extra=sparse_header(pairs[:4], 400, more=True))
    data = bytes(range(65, 105))
    return (
        head
        + sparse_extension(pairs[4:25], more=True)
        + sparse_extension(pairs[25:])
        + data
        + bytes(512 - 40)
    )


def sparse_10(numbers: bytes, data: bytes, **records: bytes) -> tuple[bytes, ...]:
    """PAX format 1.0: the map in front of the payload, filled up to a block."""
    stated = {
        b"GNU.sparse.major": b"1",
        b"GNU.sparse.minor": b"0",
        b"GNU.sparse.name": b"s",
        b"GNU.sparse.realsize": b"3100",
    }
    stated.update({b"GNU.sparse." + key.encode(): value for key, value in records.items()})
    payload = numbers + bytes(-len(numbers) % 512) + data
    return pax(*stated.items()), member(b"GNUSparseFile.1/s", b"0", payload)


def signed(made: bytes) -> bytes:
    """Sum the header's bytes as signed chars, as some historic writers did."""
    total = sum(byte - 256 if byte > 127 else byte for byte in made[:148] + made[156:512])
    return made[:148] + b"%06o\0 " % (total + 8 * 32) + made[156:]


CASES = (
    # -- V7, ustar, GNU
    case("V7 file", {"a": "file 1 | mode=600"}, (member(b"a", b"\0", b"1", mode=0o600, magic=V7),)),
    case(
        "V7 directory is told by its slash",
        {"d": "dir | mode=700", "a": "file 1"},
        (member(b"d/", b"\0", mode=0o700, magic=V7), A),
    ),
    case(
        "ustar file with a slash behind is a file",
        {"d": "file  | mode=700"},
        (member(b"d/", b"0", mode=0o700),),
    ),
    case(
        "ustar prefix",
        {"p": "dir", "p/q": "dir", "p/q/a": "file 1"},
        (member(b"a", b"0", b"1", prefix=b"p/q"),),
    ),
    case(
        "V7 has no prefix", {"a": "file 1"}, (member(b"a", b"0", b"1", prefix=b"junk", magic=V7),)
    ),
    case(
        "star's short prefix and times",
        {"p": "dir", "p/a": "file 1"},
        (
            member(
                b"a",
                b"0",
                b"1",
                prefix=b"p",
                extra={476: b"00000000007\0", 488: b"00000000011\0", 508: b"tar\0"},
            ),
        ),
    ),
    case(
        "GNU long name",
        {"n" * 150: "file 1"},
        (
            member(b"././@LongLink", b"L", b"n" * 150 + b"\0"),
            member(b"n" * 100, b"0", b"1", magic=GNU),
        ),
    ),
    case(
        "GNU long link",
        {"l": "-> " + "t" * 300},
        (
            member(b"././@LongLink", b"K", b"t" * 300 + b"\0"),
            member(b"l", b"2", link=b"t" * 100, mode=0o777, magic=GNU),
        ),
    ),
    case(
        "GNU long name and long link of a hard link",
        {"n" * 150: "file 1", "l" * 150: "= " + "n" * 150}
        | {"l" * 150: "file 1", "n" * 150: "= " + "l" * 150},
        (
            member(b"@", b"L", b"n" * 150),
            member(b"x", b"0", b"1", magic=GNU),
            member(b"@", b"L", b"l" * 150),
            member(b"@", b"K", b"n" * 150),
            member(b"x", b"1", magic=GNU),
        ),
    ),
    case(
        "GNU base-256 numbers",
        {"a": "file 1 | uid=3000000000 mtime=8589934592"},
        (
            member(
                b"a",
                b"0",
                b"1",
                magic=GNU,
                extra={
                    108: b"\x80\0\0\0" + (3_000_000_000).to_bytes(4, "big"),
                    136: b"\x80" + (1 << 33).to_bytes(11, "big"),
                },
            ),
        ),
    ),
    case(
        "GNU base-256 size",
        ONE,
        (member(b"a", b"0", b"1", magic=GNU, extra={124: b"\x80" + (1).to_bytes(11, "big")}),),
    ),
    case(
        "GNU negative time",
        {"a": "file 1 | mtime=-5"},
        (member(b"a", b"0", b"1", magic=GNU, extra={136: (-5).to_bytes(12, "big", signed=True)}),),
    ),
    case(
        "Go's prefix in a GNU header",
        {"p": "dir", "p/a": "file 1"},
        (member(b"a", b"0", b"1", magic=GNU, prefix=b"p"),),
    ),
    case(
        "octal with blanks around",
        ONE,
        (
            member(
                b"a", b"0", b"1", extra={100: b"   644 \0", 124: b"          1 ", 136: b" " * 12}
            ),
        ),
    ),
    case("signed checksum", {"\xe9": "file 1"}, (signed(member(b"\xe9", b"0", b"1")),)),
    # -- PAX
    case(
        "PAX path, linkpath",
        {"p" * 200: "file 1", "l": "-> " + "t" * 200},
        (
            pax((b"path", b"p" * 200)),
            member(b"x", b"0", b"1"),
            pax((b"linkpath", b"t" * 200)),
            symlink(b"l", b"x"),
        ),
    ),
    case(
        "PAX owner",
        {"a": "file 1 | uid=2097152 gid=4294967294"},
        (pax((b"uid", b"2097152"), (b"gid", b"4294967294"), (b"uname", b"root")), A),
    ),
    case(
        "PAX time with nanoseconds",
        {"a": "file 1 | mtime=1234567890.123456789"},
        (pax((b"mtime", b"1234567890.123456789")), A),
    ),
    case(
        "PAX time finer than nanoseconds is cut",
        {"a": "file 1 | mtime=1.999999999"},
        (pax((b"mtime", b"1.9999999999999")), A),
    ),
    case(
        "PAX time before 1970 with a fraction",
        {"a": "file 1 | mtime=-2.75"},
        (pax((b"mtime", b"-1.25")), A),
    ),
    case(
        "PAX size overrides the header's",
        ONE,
        (pax((b"size", b"1")), member(b"a", b"0", b"1", extra={124: b"00000000000\0"})),
    ),
    case("PAX empty value takes a record back", ONE, (pax((b"uid", b"7"), (b"uid", b"")), A)),
    case(
        "PAX records twice: the last counts",
        {"a": "file 1 | uid=8"},
        (pax((b"uid", b"7"), (b"uid", b"8")), A),
    ),
    case(
        "two PAX headers for one member: the second replaces the first",
        {"a": "file 1 | gid=8"},
        (pax((b"uid", b"7")), pax((b"gid", b"8")), A),
    ),
    case(
        "PAX unknown records are left out",
        ONE,
        (pax((b"comment", b"hi"), (b"SCHILY.ino", b"7"), (b"charset", b"x")), A),
    ),
    case(
        "PAX global header",
        {"a": "file 1 | uid=7 mtime=5.5", "b": "file 2 | uid=9 mtime=5.5"},
        (
            pax((b"uid", b"7"), (b"mtime", b"5.5"), (b"comment", b"c"), typeflag=b"g"),
            A,
            pax((b"uid", b"9")),
            file(b"b", b"2"),
        ),
        umoci="Go ignores global headers, umoci refuses them: POSIX applies them",
    ),
    case(
        "PAX global xattr, overridden",
        {"a": "file 1 | user.a=g", "b": "file 2 | user.a=x"},
        (
            pax((b"SCHILY.xattr.user.a", b"g"), typeflag=b"g"),
            A,
            pax((b"SCHILY.xattr.user.a", b"x")),
            file(b"b", b"2"),
        ),
        umoci="as above",
    ),
    case(
        "PAX global header ends with its layer",
        {"a": "file 1 | uid=7", "b": "file 2"},
        (pax((b"uid", b"7"), typeflag=b"g"), A),
        (file(b"b", b"2"),),
        umoci="as above",
    ),
    case(
        "PAX global comment as git archive writes it",
        ONE,
        (pax((b"comment", b"0" * 40), typeflag=b"g"), A),
        umoci="as above",
    ),
    case(
        "PAX global path is refused",
        "global PAX header sets what only one file can have at offset 0",
        (pax((b"path", b"b"), typeflag=b"g"), A),
    ),
    case(
        "PAX records without a member",
        "extended header without a file that it describes at offset 1024",
        (pax((b"uid", b"1")),),
    ),
    case(
        "PAX bad length",
        "PAX record can't be read at offset 0",
        (member(b"x", b"x", b"17 path=short\n"), A),
    ),
    case(
        "PAX bad time",
        "PAX record can't be read at offset 512",
        (directory(b"d"), pax((b"mtime", b"soon")), A),
    ),
    case("PAX NUL in a path", "path has a NUL at offset 0", (pax((b"path", b"a\0b")), A)),
    case(
        "PAX header too large",
        "exceeds the limit header_bytes: 1048576",
        (member(b"x", b"x", record(b"comment", b"c" * (1 << 20))), A),
    ),
    # -- xattrs and ACLs
    case("xattrs", {"a": "file 1 | user.a=1=\n\0 user.b=2"}, (pax(*XATTRS), A)),
    case(
        "xattrs on a directory",
        {"d": "dir | user.a=1"},
        (pax((b"SCHILY.xattr.user.a", b"1")), directory(b"d")),
    ),
    case(
        "trusted xattr on a symlink and a device",
        {"l": "-> t | trusted.a=1", "c": "char 1:3 | trusted.a=1"},
        (
            pax((b"SCHILY.xattr.trusted.a", b"1")),
            symlink(b"l", b"t"),
            pax((b"SCHILY.xattr.trusted.a", b"1")),
            member(b"c", b"3", device=(1, 3)),
        ),
    ),
    case(
        "file capability",
        {
            "a": "file 1 | security.capability="
            + bytes.fromhex("0100000200200000000000000000000000000000").decode("latin-1")
        },
        (
            pax(
                (
                    b"SCHILY.xattr.security.capability",
                    bytes.fromhex("0100000200200000000000000000000000000000"),
                )
            ),
            A,
        ),
    ),
    case(
        "GNU tar's escapes in xattr names",
        {"a": "file 1 | user.a=b%=1"},
        (pax((b"SCHILY.xattr.user.a%3Db%25", b"1")), A),
        umoci="umoci takes the name as it stands; GNU tar writes = so because it would end the key",
    ),
    case(
        "LIBARCHIVE xattr",
        {"a": "file 1 | user.a b=\0\1\2"},
        (pax((b"LIBARCHIVE.xattr.user.a%20b", b"AAEC")), A),
        umoci="umoci reads SCHILY records only",
    ),
    case(
        "LIBARCHIVE xattr without padding",
        {"a": "file 1 | user.a=\0"},
        (pax((b"LIBARCHIVE.xattr.user.a", b"AA")), A),
        umoci="as above",
    ),
    case(
        "LIBARCHIVE and SCHILY xattr: the raw one counts",
        {"a": "file 1 | user.a=raw"},
        (pax((b"SCHILY.xattr.user.a", b"raw"), (b"LIBARCHIVE.xattr.user.a", b"AAEC")), A),
    ),
    case(
        "LIBARCHIVE xattr that is not base64",
        "a: LIBARCHIVE.xattr record is not base64",
        (pax((b"LIBARCHIVE.xattr.user.a", b"!?")), A),
    ),
    case("xattr without a name", "a: xattr has no proper name", (pax((b"SCHILY.xattr.", b"1")), A)),
    case(
        "SELinux label of GNU tar gets its NUL",
        {"a": "file 1 | security.selinux=u:r:t:s0\0"},
        (pax((b"RHT.security.selinux", b"u:r:t:s0")), A),
        umoci="umoci reads SCHILY records only",
    ),
    case(
        "ACL as an xattr",
        ACL_TREE,
        (pax((b"SCHILY.xattr.system.posix_acl_access", ACL)), file(b"a", b"1", mode=0o640)),
    ),
    case(
        "ACL as text",
        ACL_TREE,
        (
            pax(
                (
                    b"SCHILY.acl.access",
                    b"user::rw-\nuser:1000:r--\ngroup::r--\nmask::r--\nother::---\n",
                )
            ),
            file(b"a", b"1", mode=0o640),
        ),
        umoci=NO_ACL,
    ),
    case(
        "ACL as libarchive's text with numbers behind",
        ACL_TREE,
        (
            pax(
                (
                    b"SCHILY.acl.access",
                    b"user::rw-,group::r--,other::---,user:joe:r--:1000,mask::r--",
                )
            ),
            file(b"a", b"1", mode=0o640),
        ),
        umoci=NO_ACL,
    ),
    case(
        "ACL without a mask gets the union",
        ACL_TREE,
        (
            pax((b"SCHILY.acl.access", b"u::rw-,u:1000:r--,g::r--,o::---")),
            file(b"a", b"1", mode=0o640),
        ),
        umoci=NO_ACL,
    ),
    case(
        "default ACL",
        {
            "d": "dir | system.posix_acl_default="
            + (
                struct.pack("<I", 2)
                + b"".join(struct.pack("<HHI", tag, 7, 0xFFFFFFFF) for tag in (1, 4, 32))
            ).decode("latin-1")
        },
        (pax((b"SCHILY.acl.default", b"user::rwx,group::rwx,other::rwx")), directory(b"d")),
        umoci=NO_ACL,
    ),
    case(
        "ACL of nonsense",
        "a: acl entry has an unknown tag: nonsense",
        (pax((b"SCHILY.acl.access", b"nonsense")), A),
    ),
    # -- sparse
    case(
        "old GNU sparse",
        SPARSE_TREE,
        (
            member(
                b"s",
                b"S",
                SPARSE_DATA,
                magic=GNU,
                extra=sparse_header([(0, 512), (2048, 100), (3100, 0)], 3100),
            ),
        ),
        umoci=NO_SPARSE,
    ),
    case(
        "old GNU sparse with extension blocks",
        {"s": "file " + "".join(chr(65 + i) + "\0" * 9 for i in range(40))},
        (old_sparse_with_extensions(),),
        umoci=NO_SPARSE,
    ),
    case(
        "old GNU sparse of holes only",
        {"s": "file " + "\0" * 1000},
        (member(b"s", b"S", magic=GNU, extra=sparse_header([(1000, 0)], 1000)),),
        umoci=NO_SPARSE,
    ),
    case(
        "PAX sparse 0.0",
        SPARSE_TREE,
        (
            pax(
                (b"GNU.sparse.size", b"3100"),
                (b"GNU.sparse.numblocks", b"2"),
                (b"GNU.sparse.offset", b"0"),
                (b"GNU.sparse.numbytes", b"512"),
                (b"GNU.sparse.offset", b"2048"),
                (b"GNU.sparse.numbytes", b"100"),
            ),
            member(b"s", b"0", SPARSE_DATA),
        ),
    ),
    case(
        "PAX sparse 0.1",
        SPARSE_TREE,
        (
            pax(
                (b"GNU.sparse.size", b"3100"),
                (b"GNU.sparse.numblocks", b"2"),
                (b"GNU.sparse.name", b"s"),
                (b"GNU.sparse.map", b"0,512,2048,100"),
            ),
            member(b"GNUSparseFile.1/s", b"0", SPARSE_DATA),
        ),
    ),
    case("PAX sparse 1.0", SPARSE_TREE, sparse_10(b"2\n0\n512\n2048\n100\n", SPARSE_DATA)),
    case(
        "PAX sparse 1.0 with a map of several blocks",
        {"s": "file " + "x\0" * 300},
        sparse_10(
            b"300\n" + b"".join(b"%d\n1\n" % (2 * i) for i in range(300)),
            b"x" * 300,
            realsize=b"600",
        ),
    ),
    case(
        "sparse name under a marker is one",
        {},
        (file(b"a", b"1"),),
        sparse_10(b"1\n0\n1\n", b"x", name=b".wh.a", realsize=b"1"),
        umoci="",
    ),
    case(
        "sparse name with a NUL",
        "GNU.sparse.name has a NUL",
        sparse_10(b"1\n0\n1\n", b"x", name=b"a\0b", realsize=b"1"),
    ),
    case(
        "sparse map out of order",
        "s: sparse map is not in ascending order",
        (
            pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"5,1,0,1")),
            member(b"s", b"0", b"xy"),
        ),
    ),
    case(
        "sparse map beyond the size",
        "s: sparse map goes beyond the file's size: 10",
        (pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"8,2")), member(b"s", b"0", b"xy")),
    ),
    case(
        "sparse map that does not add up",
        "s: sparse map adds up to 1 bytes, but the tar stores: 2",
        (pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"8,1")), member(b"s", b"0", b"xy")),
    ),
    case(
        "sparse map of nonsense in front",
        "sparse map is not a list of numbers",
        sparse_10(b"x" * 30, b""),
    ),
    case(
        "sparse map cut short",
        "sparse map is longer than the stored size",
        (sparse_10(b"1\n0\n1\n", b"")[0], member(b"s", b"0", b"1\n0\n1\n")),
    ),
    case(
        "sparse in a header that is not GNU's",
        "sparse file in a header that is not GNU tar's at offset 0",
        (member(b"s", b"S", extra=sparse_header([], 5)),),
    ),
    # -- the archive's end
    case("no end-of-archive blocks", ONE, blob_layer(gzip.compress(A, mtime=0), A)),
    case("one end-of-archive block", ONE, blob_layer(gzip.compress(A + bytes(512), mtime=0))),
    case(
        "last payload without its filling",
        ONE,
        blob_layer(gzip.compress(A[:513], mtime=0)),
        umoci="",
    ),
    case("zeros behind the end", ONE, blob_layer(gzip.compress(tar([A]) + bytes(9000), mtime=0))),
    case("junk behind the end", ONE, blob_layer(gzip.compress(tar([A]) + b"junk" * 700, mtime=0))),
    case(
        "members behind the end do not count",
        ONE,
        blob_layer(gzip.compress(tar([A]) + file(b"b", b"2"), mtime=0)),
    ),
    case(
        "payload cut short",
        "tar is cut short at offset 612",
        blob_layer(gzip.compress(file(b"a", b"x" * 600)[:612], mtime=0)),
    ),
    case(
        "header cut short",
        "tar is cut short at offset 1124",
        blob_layer(gzip.compress(A + file(b"b")[:100], mtime=0)),
    ),
    case(
        "a header behind one zero block",
        "a header follows a block of zeros at offset 1536",
        blob_layer(gzip.compress(A + bytes(512) + A, mtime=0)),
    ),
    case(
        "bad checksum",
        "header checksum is wrong: this is not a tar, or it is damaged at offset 1024",
        (A, b"x" + A[1:]),
    ),
    case(
        "no tar at all",
        "header checksum is wrong: this is not a tar, or it is damaged at offset 0",
        blob_layer(b"<html>" * 200),
    ),
    case(
        "bad number",
        "a number in the header can't be read at offset 0",
        (member(b"a", b"0", extra={136: b"notanumber\0"}),),
    ),
    case("zeros only", {}, blob_layer(gzip.compress(bytes(1024), mtime=0))),
    # -- compressions
    case(
        "empty blob is an empty tar",
        {},
        blob_layer(b""),
        umoci="no gzip stream, and umoci goes by the media type",
    ),
    case("gzip of nothing", {}, blob_layer(gzip.compress(b"", mtime=0))),
    case("plain", TWO_TREE, blob_layer(TWO, TWO), umoci=PLAIN),
    case(
        "plain under a gzip media type",
        TWO_TREE,
        blob_layer(TWO, TWO, "application/vnd.oci.image.layer.v1.tar+gzip"),
        umoci=PLAIN,
    ),
    case(
        "gzip under a zstd media type",
        TWO_TREE,
        blob_layer(gzip.compress(TWO, mtime=0), TWO, "application/vnd.oci.image.layer.v1.tar+zstd"),
    ),
    case("gzip of many members", TWO_TREE, blob_layer(gzip_members(TWO, 100_000), TWO)),
    case(
        "gzip of tiny members",
        TWO_TREE,
        blob_layer(gzip_members(TWO[:2000], 7) + gzip.compress(TWO[2000:], mtime=0), TWO),
    ),
    case(
        "gzip with zeros behind",
        TWO_TREE,
        blob_layer(gzip.compress(TWO, mtime=0) + bytes(5000), TWO),
        umoci="Go refuses what follows the last member",
    ),
    case(
        "estargz",
        {"d": "dir", "d/a": "file 1", "b": "= d/a"} | {"b": "file 1", "d/a": "= b"},
        blob_layer(*estargz(directory(b"d"), file(b"d/a", b"1"), hardlink(b"b", b"d/a"))),
    ),
    case(
        "gzip cut short", "compressed data is damaged", blob_layer(gzip.compress(TWO, mtime=0)[:-9])
    ),
    case(
        "gzip with a wrong crc",
        "compressed data is damaged",
        blob_layer(gzip.compress(TWO, mtime=0)[:-8] + bytes(8)),
    ),
    case(
        "gzip with junk behind",
        "compressed data is damaged",
        blob_layer(gzip.compress(TWO, mtime=0) + b"junk"),
    ),
    case(
        "gzip of a broken block",
        "compressed data is damaged",
        blob_layer(gzip.compress(TWO, mtime=0)[:10] + b"\xff" * 500),
    ),
    case("zstd", TWO_TREE, blob_layer(zstd_frames(TWO, len(TWO)), TWO), umoci=ZSTD),
    case("zstd of many frames", TWO_TREE, blob_layer(zstd_frames(TWO, 100_000), TWO), umoci=ZSTD),
    case(
        "zstd with skippable frames everywhere",
        TWO_TREE,
        blob_layer(
            skippable(b"first")
            + zstd_frames(TWO[:9000], 4000)
            + skippable(b"x" * 70_000)
            + zstd_frames(TWO[9000:], 100_000)
            + skippable(b""),
            TWO,
        ),
        umoci=ZSTD,
    ),
    case(
        "zstd with zeros behind",
        TWO_TREE,
        blob_layer(zstd_frames(TWO, 100_000) + bytes(2_500_000), TWO),
        umoci=ZSTD,
    ),
    case(
        "ACL text that says no more than a mode, and says it again",
        {"a": "file 1 | mode=4750"},
        (
            pax((b"SCHILY.acl.access", b"user::rwx,group::r-x,other::---")),
            file(b"a", b"1", mode=0o4644),
        ),
        umoci=NO_ACL,
    ),
    case(
        "ACL text whose mask is the mode's group, as bsdtar has it",
        ACL_TREE,
        (
            pax((b"SCHILY.acl.access", b"user::rw-,user:1000:r--,group::r--,mask::r--,other::---")),
            file(b"a", b"1", mode=0o600),
        ),
        umoci=NO_ACL,
    ),
    case(
        "zstd of nothing", {}, blob_layer(zstd_frames(bytes(1), 1)[:0] + skippable(b"")), umoci=ZSTD
    ),
    case(
        "zstd cut short", "compressed data is damaged", blob_layer(zstd_frames(TWO, len(TWO))[:-5])
    ),
    case(
        "zstd with junk behind",
        "compressed data is damaged",
        blob_layer(zstd_frames(TWO, len(TWO)) + b"junkjunk"),
    ),
    # -- builders' habits
    case(
        "BuildKit: missing parents and duplicate entries",
        {"usr": "dir", "usr/share": "dir | mode=711", "usr/share/a": "file 2"},
        (file(b"usr/share/a", b"1"), directory(b"usr/share", 0o711), file(b"usr/share/a", b"2")),
    ),
    case(
        "Bazel: unsorted names with ./",
        {"b": "dir", "b/x": "file 1", "a": "file 2"},
        (file(b"./b/x", b"1"), file(b"./a", b"2"), directory(b"./b")),
    ),
    case(
        "127 layers", {"a": "file 126"}, *[(file(b"a", b"%d" % number),) for number in range(127)]
    ),
)
