"""The compiled scanner and the pure one agree on any bytes, however they are cut."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.tar.rows import CLIMBS, LONG, MARKER, Fault
from tests.flatten.native.scans import SCANNERS, scan_all
from tests.flatten.tars import member, pax, record, tar

pytestmark = pytest.mark.skipif(
    "native" not in SCANNERS and os.environ.get("CI") != "true",
    reason="the compiled scanner is not built",
)

NAMES = st.one_of(
    st.sampled_from(
        [b"", b"a", b"./a/", b"a//b/./c", b"../x", b"a/..", b"/.wh.x", b"d/.wh..wh..opq"]
    ),
    st.binary(min_size=1, max_size=110),
    st.integers(90, 270).map(lambda n: b"n" * n),
)
VALUES = st.one_of(
    st.sampled_from(
        [b"", b"0", b"5", b"-1.5", b"1.123456789999", b"1.", b".5", b"+1", b"4294967295"]
    ),
    st.binary(max_size=30),
)
KEYS = st.sampled_from(
    b"path linkpath size uid gid mtime atime ctime SCHILY.xattr.user.a SCHILY.acl.access comment "
    b"LIBARCHIVE.xattr.b LIBARCHIVE.creationtime GNU.sparse.map RHT.security.selinux "
    b"SCHILY.devmajor SCHILY.devminor".split()
)
RECORDS = st.lists(st.tuples(KEYS, VALUES), max_size=4)
FIELD_BYTES = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.sampled_from(
        [
            b" \0x",
            b"\0" * 7 + b"9",
            b"\x80" + bytes(7),
            b"\xff" * 12,
            b"\x80" * 12,
            b"77777777",
            b"      1 ",
            b"9",
        ]
    ),
)
TYPES = st.sampled_from([b"0", b"\0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"S", b"V", b"Z"])
MAGICS = st.sampled_from([b"ustar\x0000", b"ustar  \0", bytes(8)])


@st.composite
def members(draw: st.DrawFn) -> bytes:
    data = draw(st.one_of(st.just(b""), st.binary(max_size=1500)))
    extra = draw(
        st.dictionaries(
            st.sampled_from([100, 108, 116, 124, 136, 329, 345, 357, 386, 482, 483, 508]),
            FIELD_BYTES,
            max_size=2,
        )
    )
    if draw(st.booleans()):
        extra = {}
    made = member(
        draw(NAMES),
        draw(TYPES),
        data,
        link=draw(st.binary(max_size=100)),
        magic=draw(MAGICS),
        prefix=draw(st.binary(max_size=155)),
        device=(draw(st.integers(0, 9)), 3),
        extra=extra,
    )
    before = draw(
        st.one_of(
            st.just(b""),
            RECORDS.map(lambda records: pax(*records)),
            st.tuples(RECORDS, RECORDS).map(lambda both: pax(*both[0]) + pax(*both[1])),
            RECORDS.map(lambda records: pax(*records, typeflag=b"g")),
            st.tuples(NAMES, st.sampled_from([b"", b"\0", b"\0x"])).map(
                lambda long: member(b"l", b"L", long[0] + long[1])
            ),
            NAMES.map(lambda name: member(b"l", b"K", name)),
            st.binary(max_size=40).map(lambda raw: member(b"x", b"x", raw)),
        )
    )
    return bytes(before + made)


@st.composite
def chunked_tars(draw: st.DrawFn) -> list[bytes]:
    content = b"".join(draw(st.lists(members(), max_size=6)))
    end = draw(
        st.sampled_from([bytes(1024), b"", bytes(512), bytes(1024) + b"junk", b"junk", bytes(100)])
    )
    content += end
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        if content:
            at = draw(st.integers(0, len(content) - 1))
            content = content[:at] + draw(st.binary(max_size=3)) + content[at + 1 :]
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=6)))
    return [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]


@given(chunked_tars(), st.sampled_from([0, 100, 700, 1 << 20]))
@settings(max_examples=500, deadline=None)
def test_twins_agree(chunks: list[bytes], header_limit: int) -> None:
    said = {name: scan_all(make(header_limit), chunks) for name, make in SCANNERS.items()}
    assert said["native"] == said["pure"]


@given(chunked_tars())
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("name", SCANNERS)
def test_cuts_do_not_matter(name: str, chunks: list[bytes]) -> None:
    def joined(said: tuple[object, ...]) -> object:
        rows, pieces, fault = said
        assert isinstance(pieces, list)
        sums: dict[int, int] = {}
        for index, offset, length in pieces:
            assert sums.get(index, 0) == offset
            sums[index] = offset + length
        return rows, sums, fault

    whole = scan_all(SCANNERS[name](1 << 20), [b"".join(chunks)])
    assert joined(scan_all(SCANNERS[name](1 << 20), chunks)) == joined(whole)


@pytest.mark.parametrize("name", SCANNERS)
def test_every_cut_of_a_rich_tar(name: str) -> None:
    content = tar(
        [
            pax((b"path", b"p" * 300), (b"mtime", b"5.25"), (b"SCHILY.xattr.user.a", b"1")),
            member(b"x", b"0", b"data" * 200),
            member(b"long", b"L", b"q" * 600 + b"\0"),
            member(
                b"sparse",
                b"S",
                b"z" * 512,
                magic=b"ustar  \0",
                extra={386: b"0000000000\0 ", 482: b"\1"},
            ),
            b"\0" * 504 + b"\1" + bytes(7) + b"\0" * 512,
            b"s" * 512,
        ]
    )
    whole = scan_all(SCANNERS[name](1 << 20), [content])
    for cut in range(0, len(content), 7):
        rows, _, fault = scan_all(SCANNERS[name](1 << 20), [content[:cut], content[cut:]])
        assert (rows, fault) == (whole[0], whole[2])


@pytest.mark.parametrize(
    ("path", "flags"),
    [
        (b"n" * 255, 0),
        (b"n" * 256, LONG),
        (b"d/" + b"n" * 256 + b"/x", LONG),
        (b"a/../b", CLIMBS),
        (b"a/...", 0),
        (b".wh.a/b", MARKER),
        (b"a.wh.b", 0),
        (b".wh./..", MARKER | CLIMBS),
    ],
)
@pytest.mark.parametrize("name", SCANNERS)
def test_flags_of_unusual_paths(name: str, path: bytes, flags: int) -> None:
    rows, _, _ = scan_all(SCANNERS[name](1024), [pax((b"path", path)) + member(b"x")])
    assert rows[0][0] == ord("0") | flags


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize(
    ("content", "fault", "offset"),
    [
        (b"x" * 512, Fault.CHECKSUM, 0),
        (member(b"a", extra={108: b" \0x     "}), Fault.NUMBER, 0),
        (member(b"a", extra={108: b"  7x    "}), Fault.NUMBER, 0),
        (member(b"a", extra={108: b"  7 x   "}), Fault.NONE, 512),
        (member(b"a", extra={108: b"00000008"}), Fault.NUMBER, 0),
        (member(b"a", extra={108: b"        "}), Fault.NONE, 512),
        (member(b"a", extra={124: b"9"}), Fault.NUMBER, 0),
        (member(b"a", extra={108: b"\xff" * 8}), Fault.NONE, 512),
        (member(b"a", extra={108: b"\xff" * 7 + b"\xfe"}), Fault.OWNER, 0),
        (pax((b"GNU.sparse.map", b"0,1"), typeflag=b"g"), Fault.GLOBAL, 0),
        (pax((b"GNU.sparse.map", b""), (b"path", b""), typeflag=b"g"), Fault.NONE, 1024),
        (pax((b"uid", b"-1"), (b"gid", b"4294967295")) + member(b"a"), Fault.NONE, 1536),
        (pax((b"uid", b"-2")) + member(b"a"), Fault.RECORD, 0),
        (pax((b"SCHILY.devmajor", b"-1")) + member(b"a"), Fault.RECORD, 0),
        (pax((b"gid", b"0" * 90 + b"4294967296")) + member(b"a"), Fault.OWNER, 0),
        (pax((b"size", b"0" * 90)) + member(b"a"), Fault.NONE, 1536),
        (member(b"a") + pax((b"mtime", b"x")) + member(b"b"), Fault.RECORD, 512),
        (member(b"x", b"x", b"99 a=b\n") + member(b"b"), Fault.RECORD, 0),
        (member(b"a") + member(b"l", b"L", b"n" * 2000), Fault.TOO_LARGE, 512),
        (pax((b"path", b"a"), typeflag=b"g"), Fault.GLOBAL, 0),
        (member(b"a") + bytes(512) + member(b"b"), Fault.LONE_ZERO, 1024),
        (pax((b"uid", b"1")) + bytes(1024), Fault.ORPHAN, 1024),
        (pax((b"path", b"a\0b")) + member(b"a"), Fault.NUL, 0),
        (member(b"a", data=b"12345")[:515], Fault.TRUNCATED, 515),
        (member(b"a")[:511], Fault.TRUNCATED, 511),
        (pax((b"uid", b"1")), Fault.TRUNCATED, 1024),
        (member(b"a", b"S"), Fault.SPARSE, 0),
        (member(b"a", data=b"12345", padded=False), Fault.NONE, 517),
        (member(b"a"), Fault.NONE, 512),
        (b"", Fault.NONE, 0),
    ],
)
def test_faults_and_their_offsets(name: str, content: bytes, fault: Fault, offset: int) -> None:
    assert scan_all(SCANNERS[name](1024), [content])[2] == (fault, offset)


def test_many_strings_come_in_several_batches() -> None:
    big = pax((b"SCHILY.xattr.user.a", b"v" * 900_000)) + member(b"a")
    batches = list(SCANNERS["native"](1 << 20).scan(big * 12))
    assert len(batches) > 1
    said = [scan_all(make(1 << 20), [big * 12, bytes(1024)]) for make in SCANNERS.values()]
    assert said[0] == said[1]
    assert record(b"SCHILY.xattr.user.a", b"v" * 900_000) in said[0][0][11]
