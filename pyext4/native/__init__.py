"""The hot path: C through cffi, and the pure twin. `pyext4.backend` chooses between them.

Both give the same bytes. Importing this raises BackendError if the backend demanded is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyext4.backend import choose
from pyext4.errors import BackendError

__all__ = [
    "BACKEND",
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


BACKEND = choose("pyext4.native.compiled", BackendError)

if TYPE_CHECKING or BACKEND == "pure":
    from pyext4.native.pure import (
        bitmap_set,
        block_digests,
        crc32c,
        crc32c_blocks,
        gather,
        has_sha256,
        hash_names,
        index_leaves,
        inode_table,
        linear_directories,
        punch,
        read_files,
        scan_directories,
    )
else:
    from pyext4.native.compiled import (
        bitmap_set,
        block_digests,
        crc32c,
        crc32c_blocks,
        gather,
        has_sha256,
        hash_names,
        index_leaves,
        inode_table,
        linear_directories,
        punch,
        read_files,
        scan_directories,
    )
