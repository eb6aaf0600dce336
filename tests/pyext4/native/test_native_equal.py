"""The C and the Python backend give the same bytes, and change nothing else."""

from __future__ import annotations

import errno
import os
import random
import tempfile
from array import array
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyext4.native._native import ffi, lib

from pyext4.native import compiled, pure
from pyext4.native.rows import DIRECTORY_ROW, INODE_ROW, Names

BACKENDS = pytest.mark.parametrize("backend", [pure, compiled])
SEEDS = st.one_of(st.none(), st.integers(0, 0xFFFFFFFF))
WORDS = st.integers(0, 0xFFFFFFFF)
HALVES = st.integers(0, 0xFFFF)
RANGE_NS = (1 << 34) * 10**9


@BACKENDS
def test_crc32c_of_known_data(backend: ModuleType) -> None:
    """RFC 3720, B.4, whose sums are inverted at both ends."""
    ones = 0xFFFFFFFF
    assert backend.crc32c(ones, bytes(32)) ^ ones == 0x8A9136AA
    assert backend.crc32c(ones, b"\xff" * 32) ^ ones == 0x62A8AB43
    assert backend.crc32c(ones, bytes(range(32))) ^ ones == 0x46DD794E
    assert backend.crc32c(ones, b"123456789") ^ ones == 0xE3069283


@given(WORDS, st.binary(max_size=300), st.integers(0, 7))
def test_crc32c(seed: int, data: bytes, skip: int) -> None:
    view = memoryview(data)[skip:]  # at every alignment
    assert compiled.crc32c(seed, view) == pure.crc32c(seed, view)


@given(WORDS, st.binary(max_size=300), st.integers(0, 7))
def test_crc32c_by_tables(seed: int, data: bytes, skip: int) -> None:
    """A processor without the instruction computes the same sum."""
    view = memoryview(data)[skip:]
    tables = lib.px_crc32c_tables(seed, ffi.from_buffer("uint8_t[]", view), len(view))
    assert tables == pure.crc32c(seed, view)


@given(WORDS, st.binary(min_size=10, max_size=100), st.binary(max_size=100))
def test_crc32c_goes_on(seed: int, first: bytes, second: bytes) -> None:
    assert compiled.crc32c(compiled.crc32c(seed, first), second) == pure.crc32c(
        seed, first + second
    )


@given(WORDS, st.integers(0, 5), st.sampled_from([1, 8, 60, 128]), st.randoms())
def test_crc32c_blocks(seed: int, count: int, size: int, source: random.Random) -> None:
    data = source.randbytes(count * size)
    sums = compiled.crc32c_blocks(seed, data, size)
    assert sums == pure.crc32c_blocks(seed, data, size)
    assert sums == [pure.crc32c(seed, data[n * size : (n + 1) * size]) for n in range(count)]


@given(
    st.lists(st.tuples(st.integers(0, 511), st.integers(0, 511)), max_size=6),
    st.binary(min_size=64, max_size=64),
)
def test_bitmap_set(pairs: list[tuple[int, int]], before: bytes) -> None:
    ranges = [(first, min(count, 512 - first)) for first, count in pairs]
    by_c, by_python = bytearray(before), bytearray(before)
    compiled.bitmap_set(by_c, ranges)
    pure.bitmap_set(by_python, ranges)
    wanted = int.from_bytes(before, "little")
    for first, count in ranges:
        wanted |= ((1 << count) - 1) << first
    assert by_c == by_python == wanted.to_bytes(64, "little")


@st.composite
def inode_rows(draw: st.DrawFn) -> tuple[bytearray, bytes]:
    xattrs = draw(st.binary(min_size=96, max_size=96))
    rows = bytearray()
    for ino in sorted(draw(st.sets(st.integers(17, 24), min_size=1))):
        length = draw(st.integers(0, 96))
        rows += INODE_ROW.pack(
            *(draw(st.integers(0, RANGE_NS - 1)) for _ in range(4)),
            draw(st.integers(0, (1 << 64) - 1)),
            draw(st.integers(0, (1 << 48) - 1)),
            draw(st.integers(0, (1 << 48) - 1)),
            *(ino, draw(WORDS), draw(WORDS), draw(WORDS), draw(WORDS)),
            draw(st.integers(0, 96 - length)),
            *(length, draw(HALVES), draw(HALVES)),
            draw(st.binary(min_size=60, max_size=60)),
        )
    return rows, xattrs


@given(inode_rows(), SEEDS)
def test_inode_table(made: tuple[bytearray, bytes], fs_seed: int | None) -> None:
    rows, xattrs = made
    tables = []
    for backend in (compiled, pure):
        table = bytearray(8 * 256)
        bad = backend.inode_table(
            table, inode_size=256, first_ino=17, rows=rows, xattrs=xattrs, fs_seed=fs_seed
        )
        assert bad is None
        tables.append(table)
    assert tables[0] == tables[1]


@BACKENDS
@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("beyond", [RANGE_NS, (1 << 64) - 1])
def test_inode_table_names_the_row_of_a_bad_time(
    backend: ModuleType, column: int, beyond: int
) -> None:
    times = [[0] * 4, [RANGE_NS - 1] * 4, [5] * 4, [beyond] * 4]
    times[2][column] = beyond
    rows = bytearray()
    for ino, row in enumerate(times, 1):
        rows += INODE_ROW.pack(*row, 0, 0, 0, ino, 0, 0, 0, 0, 0, 0, 0o100644, 1, bytes(60))
    table = bytearray(4 * 256)
    about = {"inode_size": 256, "first_ino": 1, "xattrs": b"", "fs_seed": None}
    assert backend.inode_table(table, rows=rows, **about) == 2


def names_of(names: list[bytes]) -> Names:
    return Names(
        joined=b"".join(names),
        lengths=bytes(map(len, names)),
        inos=array("I", range(100, 100 + len(names))),
        types=bytes(n % 7 + 1 for n in range(len(names))),
    )


NAMES = st.lists(st.binary(min_size=1, max_size=255), max_size=12)


@given(NAMES, st.sampled_from([1, 2]), st.binary(min_size=16, max_size=16))
def test_hash_names(names: list[bytes], version: int, seed: bytes) -> None:
    made = names_of(names)
    hashes = compiled.hash_names(made, version, seed)
    assert hashes == pure.hash_names(made, version, seed)
    assert len(hashes) == len(names)


@given(
    st.lists(st.tuples(NAMES, st.integers(1, 4)), min_size=1, max_size=4),
    st.sampled_from([1024, 4096]),
    SEEDS,
)
def test_linear_directories(
    directories: list[tuple[list[bytes], int]], block_size: int, fs_seed: int | None
) -> None:
    """Too few blocks for a directory end both in the same place, with the same blocks done."""
    rows = bytearray()
    for number, (names, blocks) in enumerate(directories):
        rows += DIRECTORY_ROW.pack(50 + number, 2, len(names), blocks)
    made = names_of([name for names, _ in directories for name in names])
    size = sum(blocks for _, blocks in directories) * block_size
    outcomes = []
    for backend in (compiled, pure):
        out = bytearray(size)
        bad = backend.linear_directories(
            out, block_size=block_size, rows=rows, names=made, fs_seed=fs_seed
        )
        outcomes.append((bad, out))
    assert outcomes[0] == outcomes[1]


@given(NAMES, st.randoms(), SEEDS)
def test_index_leaves(names: list[bytes], source: random.Random, fs_seed: int | None) -> None:
    made = names_of(names)
    order = list(range(len(names)))
    source.shuffle(order)
    starts = [*range(0, len(names), 3), len(names)]
    outs = []
    for backend in (compiled, pure):
        out = bytearray((len(starts) - 1) * 1024)
        backend.index_leaves(
            memoryview(out),
            block_size=1024,
            order=array("I", order),
            starts=array("I", starts),
            names=made,
            fs_seed=fs_seed,
            ino=12,
        )
        outs.append(out)
    assert outs[0] == outs[1]


def named(folder: Path, *contents: bytes) -> list[bytes]:
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    return [os.fsencode(folder / str(number)) for number in range(len(contents))]


@BACKENDS
def test_read_files(backend: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    contents = [b"a", b"", b"b" * 4095, b"c" * 4096]
    names = named(tmp_path / "a", *contents) + named(tmp_path / "ab", *contents)
    names[1::2] = [os.fsencode(os.path.relpath(name)) for name in names[1::2]]
    out = bytearray(b"x" * (8 * 4096 + 1))
    sizes = array("I", map(len, contents * 2))
    assert backend.read_files(names, sizes, 4096, out) is None
    assert out[:-1] == b"".join(content.ljust(4096, b"\0") for content in contents) * 2


@BACKENDS
def test_read_files_of_the_same_name(backend: ModuleType, tmp_path: Path) -> None:
    """In directories of which one's path is as long as another's, or its beginning."""
    names = [tmp_path / folder / "0" for folder in ("a", "b", "b/c", "b", ".", "a")]
    (tmp_path / "a").mkdir()
    (tmp_path / "b/c").mkdir(parents=True)
    for name in names:
        name.write_bytes(os.fsencode(name)[-6:])
    out = bytearray(6 * 8 + 1)
    sizes = array("I", [6] * 6)
    assert backend.read_files([os.fsencode(name) for name in names], sizes, 8, out) is None
    assert out[:-1] == b"".join(os.fsencode(name)[-6:] + b"\0\0" for name in names)


@BACKENDS
def test_read_files_by_names_without_a_directory(
    backend: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(tmp_path, b"first", b"second")
    monkeypatch.chdir(tmp_path)
    out = bytearray(25)
    assert backend.read_files([b"0", b"./1", b"0"], array("I", [5, 6, 5]), 8, out) is None
    assert out == b"first\0\0\0second\0\0first\0\0\0\0"


@BACKENDS
@pytest.mark.parametrize(
    ("name", "size", "found"),
    [
        ("0", 4, 5),
        ("0", 6, 5),
        ("0", 0, 1),
        ("gone", 5, -errno.ENOENT),
        ("gone/0", 5, -errno.ENOENT),
        ("0/0", 5, -errno.ENOTDIR),
        (".", 5, -errno.EISDIR),
        ("x" * 256, 5, -errno.ENAMETOOLONG),
        ("x/" * 2048, 5, -errno.ENAMETOOLONG),
    ],
)
def test_read_files_names_the_first_that_is_not_as_expected(
    backend: ModuleType, name: str, size: int, found: int, tmp_path: Path
) -> None:
    (good,) = named(tmp_path, b"12345")
    names = [good, os.fsencode(tmp_path) + b"/" + name.encode(), good, b"gone"]
    out = bytearray(4 * 8 + 1)
    assert backend.read_files(names, array("I", [5, size, 5, 5]), 8, out) == (1, found)


@BACKENDS
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9000), st.integers(0, 9000))
def test_punch(backend: ModuleType, offset: int, length: int) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 20_000)
        file.flush()
        if length:
            backend.punch(file.fileno(), offset, length)
        file.seek(0)
        assert file.read() == b"x" * offset + bytes(length) + b"x" * (20_000 - offset - length)


@BACKENDS
def test_punch_of_a_file_that_is_only_read(backend: ModuleType) -> None:
    with open("/dev/null", "rb") as file, pytest.raises(OSError) as caught:
        backend.punch(file.fileno(), 0, 10)
    assert caught.value.errno
