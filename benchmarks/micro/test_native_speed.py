"""pyext4's native functions, on inputs as large as those from a real image."""

from __future__ import annotations

import os
import struct
from array import array
from pathlib import Path
from types import ModuleType

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pyext4.native import dirhash
from pyext4.native.rows import DIRECTORY_ROW, INODE_ROW, SPAN, WINDOW, Names

BLOCK = 4096
SEED = 0x1234_5678
HASH_SEED = bytes(range(16))


def names_of(count: int) -> Names:
    names = [b"some-file-%05d.txt" % number for number in range(count)]
    return Names(
        joined=b"".join(names),
        lengths=bytes(map(len, names)),
        inos=array("I", range(12, 12 + count)),
        types=b"\1" * count,
    )


@pytest.mark.parametrize("size", [256, BLOCK, 1 << 20])
def test_crc32c(benchmark: BenchmarkFixture, backend: ModuleType, size: int) -> None:
    assert benchmark(backend.crc32c, SEED, bytes(size)) >= 0


def test_crc32c_blocks_256(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    data = bytes(256 * BLOCK)
    assert len(benchmark(backend.crc32c_blocks, SEED, data, BLOCK)) == 256


def test_bitmap_set_1000_ranges(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    bitmap = bytearray(BLOCK)
    ranges = [(number * 32 + number % 7, 20) for number in range(1000)]
    benchmark(backend.bitmap_set, bitmap, ranges)
    assert any(bitmap)


def test_inode_table_1024(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    row = INODE_ROW.pack(
        *(0, 0, 3_800_000_000_123_456_789, 0),  # since FIRST_TIME_NS
        *(5000, 16, 0),
        *(0, 1000, 1000, 0x80000, 0, 0),
        *(0, 0o100644, 1),
        bytes(60),
    )
    rows = bytearray()
    for ino in range(1, 1025):
        changed = bytearray(row)
        struct.pack_into("=I", changed, INODE_ROW.size - 96, ino)
        rows += changed
    table = bytearray(1024 * 256)

    def fill() -> object:
        table[:] = bytes(len(table))
        return backend.inode_table(
            table, inode_size=256, first_ino=1, rows=rows, xattrs=b"", fs_seed=SEED
        )

    assert benchmark(fill) is None
    assert any(table)


@pytest.mark.parametrize("version", [1, 2], ids=["half_md4", "tea"])
def test_hash_1000_names(benchmark: BenchmarkFixture, backend: ModuleType, version: int) -> None:
    names = names_of(1000)
    hashes = benchmark(backend.hash_names, names, version, HASH_SEED)
    words = struct.unpack("<4I", HASH_SEED)
    assert hashes[0] == dirhash.hash_name(b"some-file-00000.txt", version, words)


def test_100_directories_of_50_names(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    names = names_of(50 * 100)
    rows = bytearray()
    for number in range(100):
        rows += DIRECTORY_ROW.pack(20 + number, 2, 50, 1)
    out = bytearray(100 * BLOCK)

    def fill() -> object:
        out[:] = bytes(len(out))
        return backend.linear_directories(
            out, block_size=BLOCK, rows=rows, names=names, fs_seed=SEED
        )

    assert benchmark(fill) is None
    assert any(out)


def test_leaves_of_10000_names(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    names = names_of(10_000)
    order = array("I", range(10_000))
    starts = array("I", [*range(0, 10_000, 100), 10_000])
    out = bytearray(100 * BLOCK)

    def fill() -> None:
        out[:] = bytes(len(out))
        backend.index_leaves(
            memoryview(out),
            block_size=BLOCK,
            order=order,
            starts=starts,
            names=names,
            fs_seed=SEED,
            ino=2,
        )

    benchmark(fill)
    assert any(out)


def test_gather_100_files(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    chunk = bytes(range(256)) * (100 * 2048 // 256)
    spans = b"".join(SPAN.pack(number * BLOCK, number * 2048, 2048, 2048) for number in range(100))
    window = bytearray(1 << 20)

    def gather() -> bytearray:
        state = bytearray(WINDOW.size)
        assert not backend.gather(window, BLOCK, state, chunk, spans)
        return state

    filled = WINDOW.unpack(benchmark(gather))[1]
    assert 99 * BLOCK < filled <= 100 * BLOCK
    assert window[:4096] == chunk[:2048] + bytes(2048)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a directory of 1000 files of 1000 bytes."""
    for number in range(1000):
        (tmp_path / f"some-file-{number:05}.txt").write_bytes(b"x" * 1000)
    return tmp_path


def test_scan_1000_entries(benchmark: BenchmarkFixture, backend: ModuleType, folder: Path) -> None:
    def scan() -> int:
        return sum(sum(found.counts) for found in backend.scan_directories([os.fsencode(folder)]))

    assert benchmark(scan) == 1000


def test_read_1000_files(benchmark: BenchmarkFixture, backend: ModuleType, folder: Path) -> None:
    names = [os.fsencode(path) for path in folder.iterdir()]
    sizes = array("I", [1000] * 1000)
    out = bytearray(1000 * BLOCK + 1)
    assert benchmark(backend.read_files, names, sizes, BLOCK, out) is None
    assert out[BLOCK : BLOCK + 1001] == b"x" * 1000 + b"\0"
