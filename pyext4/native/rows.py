"""The rows and columns that cross into the backend; native.h declares the same structures.

A test holds these layouts against the C compiler's.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass

__all__ = ["DIRECTORY_ROW", "INODE_ROW", "RANGE", "SPAN", "Names"]

# struct px_inode_row: atime_ns ctime_ns mtime_ns crtime_ns, size_bytes sectors file_acl,
# ino uid gid flags version xattr_offset, xattr_length mode links, i_block
INODE_ROW = struct.Struct("=4q3Q6I3H2x60s4x")

# struct px_directory_row: ino parent_ino entries blocks
DIRECTORY_ROW = struct.Struct("=4I")

# struct px_span: image_offset chunk_offset, length zeros
SPAN = struct.Struct("=QQII")

# struct px_range: first count
RANGE = struct.Struct("=QQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Directory entries in columns: entry i has lengths[i] of the joined names' bytes."""

    joined: bytes
    lengths: bytes
    inos: array[int]  # typecode "I"
    types: bytes  # EXT4_FT_* of each entry
