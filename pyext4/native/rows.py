"""The rows and columns that cross into the backend; native.h declares the same structures.

A test compares these layouts with the C compiler's.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from pyext4.buffer import Buffer
from pyext4.numbers import NS_PER_SECOND

__all__ = [
    "DIRECTORY_ROW",
    "ENTRY_HEAD",
    "ENTRY_KEY",
    "ENTRY_ROW",
    "FIRST_TIME_NS",
    "INODE_ROW",
    "RANGE",
    "SPAN",
    "WINDOW",
    "Entries",
    "InodeRow",
    "Names",
]

# A time in a row is nanoseconds since FIRST_TIME_NS, the first time that ext4 has: 34 bits of
# seconds from there, to 2446, fit into 64 unsigned bits; a signed count from 1970 ends in 2262.
FIRST_TIME_NS = -(1 << 31) * NS_PER_SECOND

INODE_ROW = struct.Struct("=7Q6I3H2x60s4x")  # struct px_inode_row, an InodeRow

# struct px_directory_row: ino parent_ino entries blocks
DIRECTORY_ROW = struct.Struct("=4I")

# struct px_span: image_offset chunk_offset, length zeros
SPAN = struct.Struct("=QQII")

# struct px_window: image_offset, filled, zeros, span, done
WINDOW = struct.Struct("=5Q")

# struct px_range: first count
RANGE = struct.Struct("=QQ")

# struct px_entry_row: mtime, mtime_ns mode uid gid, size_bytes, plain has_xattrs, dev ino nlink,
# rdev_major rdev_minor
ENTRY_ROW = struct.Struct("=q4IQ2I3Q2I")
# the same for a loop over many: what most files share (an ENTRY_KEY), size_bytes, plain
ENTRY_HEAD = struct.Struct("=24sQI36x")
ENTRY_KEY = struct.Struct("=q4I")


class InodeRow(NamedTuple):
    """What an INODE_ROW holds, in its order; this is too slow for packing many."""

    atime: int  # times since FIRST_TIME_NS
    ctime: int
    mtime: int
    crtime: int
    size_bytes: int
    sectors: int
    file_acl: int
    ino: int
    uid: int
    gid: int
    flags: int
    version: int
    xattr_offset: int
    xattr_length: int
    mode: int
    links: int
    i_block: bytes

    @classmethod
    def at(cls, rows: Buffer, number: int) -> InodeRow:
        """Return one row of a packed sequence."""
        return cls._make(INODE_ROW.unpack_from(rows, number * INODE_ROW.size))


class Names(NamedTuple):
    """Directory entries in columns: entry i has lengths[i] of the joined names' bytes."""

    joined: bytes
    lengths: bytes
    inos: array[int]  # typecode "I"
    types: bytes  # EXT4_FT_* of each entry


class Entries(NamedTuple):
    """Entries found in directories of the host: counts[i] of directory i, in order."""

    counts: Sequence[int]
    names: Sequence[bytes]
    rows: Buffer  # packed ENTRY_ROWs
