"""The backend in C, with the signatures that `pure` defines."""

from __future__ import annotations

import os
from array import array
from collections.abc import Generator
from typing import Any

from pyext4.buffer import Buffer
from pyext4.native._native import ffi, lib
from pyext4.native.rows import DIRECTORY_ROW, ENTRY_ROW, INODE_ROW, SPAN, Entries, Names

__all__ = [
    "bitmap_set",
    "block_digests",
    "crc32c",
    "crc32c_blocks",
    "gather",
    "has_sha256",
    "hash_names",
    "index_leaves",
    "inode_table",
    "linear_directories",
    "punch",
    "read_files",
    "scan_directories",
]

_SCAN_ENTRIES = 4096  # at most from one call; the C needs at least 700
_SCAN_NAMES_BYTES = 128 << 10
_SHA256_CHUNK_BYTES = 64  # the C takes no smaller blocks


def crc32c(seed: int, data: Buffer) -> int:
    return int(lib.px_crc32c(seed, ffi.from_buffer("uint8_t[]", data), len(data)))


def crc32c_blocks(seed: int, data: Buffer, size: int) -> list[int]:
    count = len(data) // size
    out = ffi.new("uint32_t[]", count)
    lib.px_crc32c_blocks(seed, ffi.from_buffer("uint8_t[]", data), size, count, out)
    return list(out)


def bitmap_set(bitmap: bytearray, ranges: list[tuple[int, int]]) -> None:
    rows = ffi.new("struct px_range[]", ranges)
    lib.px_bitmap_set(ffi.from_buffer("uint8_t[]", bitmap), rows, len(ranges))


def inode_table(
    table: bytearray,
    *,
    inode_size: int,
    first_ino: int,
    rows: bytearray,
    xattrs: Buffer,
    fs_seed: int | None,
) -> int | None:
    bad = lib.px_inode_table(
        ffi.from_buffer("uint8_t[]", table),
        inode_size,
        first_ino,
        ffi.cast("struct px_inode_row *", ffi.from_buffer(rows)),
        len(rows) // INODE_ROW.size,
        ffi.from_buffer("uint8_t[]", xattrs),
        fs_seed is not None,
        fs_seed or 0,
    )
    return None if bad < 0 else int(bad)


def _columns(names: Names) -> Any:  # noqa: ANN401  a cffi pointer has no better type
    columns = ffi.new("struct px_names *")
    columns.bytes = ffi.from_buffer("uint8_t[]", names.joined)
    columns.lengths = ffi.from_buffer("uint8_t[]", names.lengths)
    columns.inos = ffi.cast("uint32_t *", ffi.from_buffer(names.inos))
    columns.types = ffi.from_buffer("uint8_t[]", names.types)
    columns.count = len(names.lengths)
    return columns


def hash_names(names: Names, version: int, seed: bytes) -> array[int]:
    out = array("Q", bytes(8 * len(names.lengths)))
    words = ffi.new("uint32_t[4]", list(array("I", seed)))
    lib.px_hash_names(_columns(names), version, words, ffi.cast("uint64_t *", ffi.from_buffer(out)))
    return out


def linear_directories(
    out: bytearray, *, block_size: int, rows: bytearray, names: Names, fs_seed: int | None
) -> int | None:
    bad = lib.px_linear_directories(
        ffi.from_buffer("uint8_t[]", out),
        block_size,
        ffi.cast("struct px_directory_row *", ffi.from_buffer(rows)),
        len(rows) // DIRECTORY_ROW.size,
        _columns(names),
        fs_seed is not None,
        fs_seed or 0,
    )
    return None if bad < 0 else int(bad)


def index_leaves(
    out: memoryview,
    *,
    block_size: int,
    order: array[int],
    starts: array[int],
    names: Names,
    fs_seed: int | None,
    ino: int,
) -> None:
    offsets = array("Q", bytes(8 * len(names.lengths)))
    offset = 0
    for i, length in enumerate(names.lengths):
        offsets[i] = offset
        offset += length
    lib.px_index_leaves(
        ffi.from_buffer("uint8_t[]", out),
        block_size,
        ffi.cast("uint32_t *", ffi.from_buffer(order)),
        ffi.cast("uint32_t *", ffi.from_buffer(starts)),
        len(starts) - 1,
        _columns(names),
        ffi.cast("uint64_t *", ffi.from_buffer(offsets)),
        fs_seed is not None,
        fs_seed or 0,
        ino,
    )


def gather(window: Buffer, block_size: int, state: bytearray, chunk: Buffer, spans: Buffer) -> bool:
    return bool(
        lib.px_gather(
            ffi.from_buffer("uint8_t[]", window),
            len(window),
            block_size,
            ffi.cast("struct px_window *", ffi.from_buffer(state)),
            ffi.from_buffer("uint8_t[]", chunk),
            ffi.cast("struct px_span *", ffi.from_buffer(spans)),
            len(spans) // SPAN.size,
        )
    )


def read_files(
    names: list[bytes], sizes: array[int], stride: int, out: bytearray
) -> tuple[int, int] | None:
    found = ffi.new("int64_t *")
    bad = lib.px_read_files(
        ffi.from_buffer("uint8_t[]", b"\0".join(names) + b"\0"),
        ffi.cast("uint32_t *", ffi.from_buffer(sizes)),
        len(names),
        stride,
        ffi.from_buffer("uint8_t[]", out),
        found,
    )
    return None if bad < 0 else (int(bad), int(found[0]))


def scan_directories(directories: list[bytes]) -> Generator[Entries, None, None]:
    paths = b"\0".join(directories) + b"\0"
    scan = ffi.new("struct px_scan *", {"fd": -1})
    more = True
    try:
        while more:
            rows = bytearray(_SCAN_ENTRIES * ENTRY_ROW.size)
            names = bytearray(_SCAN_NAMES_BYTES)
            counts = array("I", bytes(4 * len(directories)))
            more = lib.px_scan_directories(
                scan,
                ffi.from_buffer("uint8_t[]", paths),
                len(directories),
                ffi.cast("struct px_entry_row *", ffi.from_buffer(rows)),
                _SCAN_ENTRIES,
                ffi.from_buffer("uint8_t[]", names),
                len(names),
                ffi.cast("uint32_t *", ffi.from_buffer(counts)),
            )
            found = bytes(memoryview(names)[: scan.names_bytes]).split(b"\0")[:-1]
            if scan.error:
                path = directories[scan.directory]
                if scan.of_entry:
                    path += found[-1] if path.endswith(b"/") else b"/" + found[-1]
                raise OSError(scan.error, os.strerror(scan.error), path)
            if found:
                used = memoryview(rows)[: len(found) * ENTRY_ROW.size]
                yield Entries(counts=counts, names=found, rows=used)
    finally:
        if scan.fd >= 0:
            os.close(scan.fd)


def punch(fd: int, offset: int, length: int) -> None:
    error = lib.px_punch(fd, offset, length)
    if error:
        raise OSError(error, os.strerror(error))


def has_sha256() -> bool:
    return bool(lib.px_sha256_available())


def block_digests(data: Buffer, size: int, salt: bytes) -> bytes:
    if size < _SHA256_CHUNK_BYTES or not has_sha256():
        # late: it imports crc32c too, 60 ms that nothing else needs
        from pyext4.native import pure  # noqa: PLC0415

        return pure.block_digests(data, size, salt)
    count = len(data) // size
    out = bytearray(32 * count)
    lib.px_block_digests(
        ffi.from_buffer("uint8_t[]", data),
        size,
        count,
        ffi.from_buffer("uint8_t[]", salt),
        len(salt),
        ffi.from_buffer("uint8_t[]", out),
    )
    return bytes(out)
