"""The hot path: C through cffi, the pure twin, and the choice between them.

PYEXT4_BACKEND=native or =pure demands one of them, and a BackendError says where that can't be;
otherwise the compiled one is taken where it was built. Both give the same bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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


def _choose() -> str:
    wanted = os.environ.get("PYEXT4_BACKEND", "")
    if wanted not in ("", "native", "pure"):
        raise BackendError(f"must be native or pure, not: {wanted}")
    if wanted == "pure":
        return "pure"
    try:
        import pyext4.native._native  # noqa: F401, PLC0415
    except ImportError as error:
        if wanted:
            raise BackendError(f"native was not built, or can't be loaded: {error}") from error
        return "pure"
    return "native"


BACKEND = _choose()

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
