"""The rows of `pyext4.native.rows` match what the C compiler makes of native.h."""

from __future__ import annotations

import struct

import pytest
from pyext4.native._native import ffi

from pyext4.native.rows import (
    DIRECTORY_ROW,
    ENTRY_HEAD,
    ENTRY_KEY,
    ENTRY_ROW,
    INODE_ROW,
    RANGE,
    SPAN,
    WINDOW,
)

ROWS = {
    "px_inode_row": INODE_ROW,
    "px_directory_row": DIRECTORY_ROW,
    "px_span": SPAN,
    "px_range": RANGE,
    "px_window": WINDOW,
    "px_entry_row": ENTRY_ROW,
}
PADDING = {"unused", "unused2"}


def columns(row: struct.Struct) -> list[tuple[int, int]]:
    """Return (offset, size) of each value, found by packing ones into one after another."""
    count = len(row.unpack(bytes(row.size)))
    found = []
    for number in range(count):
        values: list[int | bytes] = list(row.unpack(bytes(row.size)))
        value = values[number]
        values[number] = b"\xff" * len(value) if isinstance(value, bytes) else -1
        try:
            packed = row.pack(*values)
        except struct.error:  # unsigned: the largest that it takes
            size = 8
            while True:
                values[number] = (1 << 8 * size) - 1
                try:
                    packed = row.pack(*values)
                except struct.error:
                    size //= 2
                    continue
                break
        begin = packed.index(b"\xff")
        found.append((begin, packed.count(0xFF)))
    return found


@pytest.mark.parametrize("name", ROWS)
def test_row_has_the_offsets_and_widths_of_the_struct(name: str) -> None:
    made = ffi.typeof(f"struct {name}")
    assert ffi.sizeof(made) == ROWS[name].size
    fields = [
        (about.offset, ffi.sizeof(about.type))
        for field, about in made.fields
        if field not in PADDING
    ]
    assert columns(ROWS[name]) == fields


def test_no_struct_of_rows_is_left_out() -> None:
    structs = {name for name in ffi.list_types()[1] if name.startswith("px_")}
    assert structs == {*ROWS, "px_names", "px_scan"}


def test_entry_head_is_the_begin_of_an_entry_row() -> None:
    packed = ENTRY_ROW.pack(*range(1, 14))
    key, size_bytes, plain = ENTRY_HEAD.unpack(packed)
    assert (*ENTRY_KEY.unpack(key), size_bytes, plain) == (1, 2, 3, 4, 5, 6, 7)
