"""What came of writing a filesystem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from pyext4.qcow2 import Overlay
    from pyext4.verity import Verity

__all__ = ["Written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was made.

    Attributes:
        path: The file; of one that was given open, the name that the system knows.
        size_bytes: Of all of it, the hashes for dm-verity included.
        block_size_bytes: Of a block.
        blocks_count: Of the filesystem.
        free_blocks_count: Of them, how many are free.
        inodes_count: Of the filesystem.
        free_inodes_count: Of them, how many are free.
        files_count: Files of the tree, of all types, without the root, /lost+found and ext4's own.
        uuid: The filesystem's.
        label: Its name.
        features: mke2fs's names, sorted.
        verity: The hash area behind the filesystem; None where there is none.
        offset_bytes: Where in the file the filesystem begins.
        overlay: The qcow2 image that `path` is, whose disk has `size_bytes`; None without `onto`.
    """

    path: Path
    size_bytes: int
    block_size_bytes: int
    blocks_count: int
    free_blocks_count: int
    inodes_count: int
    free_inodes_count: int
    files_count: int
    uuid: UUID
    label: bytes
    features: tuple[str, ...]
    verity: Verity | None = None
    offset_bytes: int = 0
    overlay: Overlay | None = None
