"""What both scanners return: the row of a tar member, its flags, and the ways to fail.

`interface.h` declares the same row for C; a test compares the layouts.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from pyext4.buffer import Buffer

__all__ = [
    "CLIMBS",
    "HOT_ROW",
    "KEY",
    "LONG",
    "MARKER",
    "NO_ROW",
    "RECORDS",
    "REST_OF_ROW",
    "ROW",
    "TIMES_ATIME",
    "TIMES_CTIME",
    "Batch",
    "Fault",
    "Row",
    "Scanner",
]

# Flags in `kind`, above the typeflag's byte.
CLIMBS = 1 << 8  # the path has a ".." component
MARKER = 1 << 9  # a component begins with ".wh."
LONG = 1 << 10  # a component has more than 255 bytes
RECORDS = 1 << 11  # there are PAX records for Python

# Bits of `times`.
TIMES_ATIME = 1
TIMES_CTIME = 2


class Row(NamedTuple):
    """A member, in the order of `struct tar_row`; offsets up to `link_end` are into the arena."""

    kind: int
    path_offset: int
    parent_end: int
    name_offset: int
    path_end: int
    payload_offset: int  # into the scanned chunk
    payload_here: int
    records_offset: int
    records_end: int
    link_offset: int
    link_end: int
    devmajor: int
    devminor: int
    reserved: int
    size: int
    header_offset: int
    key: bytes


ROW = struct.Struct("=14I2Q56s")
NO_ROW = Row._make(ROW.unpack(bytes(ROW.size)))
HOT_ROW = struct.Struct("=7I28xQ8x56s")  # what a plain file or directory needs
REST_OF_ROW = struct.Struct("=4xI8xI16x4I")  # what others need: the ends of path and link, device
KEY = struct.Struct("=3q8I")  # mtime, atime, ctime: s; the same: ns; mode, uid, gid, times, 0


class Fault(enum.IntEnum):
    """Why a scan stopped."""

    NONE = 0
    CHECKSUM = 1
    NUMBER = 2
    OWNER = 3
    RECORD = 4
    TOO_LARGE = 5
    GLOBAL = 6
    LONE_ZERO = 7
    ORPHAN = 8
    NUL = 9
    TRUNCATED = 10
    SPARSE = 11


class Batch(NamedTuple):
    """What one step of a scan found: packed rows, their strings, and more of an earlier payload."""

    rows: bytes
    arena: bytes
    continued: int  # bytes at the chunk's beginning that belong to the last row before it
    continued_from: int  # their offset in its payload


class Scanner(Protocol):
    """Turns the chunks of one tar into batches of rows."""

    def scan(self, chunk: Buffer) -> Iterator[Batch]:
        """Yield the contents of `chunk`, in one batch, or several if there are many strings."""
        ...

    def end(self) -> None:
        """Report that no chunk follows, which may be a fault."""
        ...

    @property
    def fault(self) -> tuple[Fault, int]:
        """Why the scan stopped, and the offset of the header at fault in the tar."""
        ...
