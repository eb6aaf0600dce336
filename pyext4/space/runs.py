"""Ranges of blocks: runs on the disk, and the extents of a file that lie in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Contents", "Extent", "Run", "from_runs"]


class Run(NamedTuple):
    """Blocks that follow each other on the disk."""

    start: int  # the first block
    blocks: int  # how many

    @property
    def end(self) -> int:
        """The block after the last one."""
        return self.start + self.blocks


class Extent(NamedTuple):
    """Blocks of a file that follow each other both in the file and on the disk."""

    logical: int  # the first block in the file
    start: int  # the first block on the disk
    blocks: int  # how many

    def touches(self, after: Extent) -> bool:
        """Tell whether `after` continues where this one ends, in the file and on the disk."""
        return (after.logical, after.start) == (
            self.logical + self.blocks,
            self.start + self.blocks,
        )


class Contents(NamedTuple):
    """Where the contents of all files are."""

    extents: list[tuple[Extent, ...]]  # of node i; () for no file
    inline: dict[int, bytes]  # contents that lie in their inodes


def from_runs(runs: Iterable[Run], logical: int = 0) -> list[Extent]:
    """Return the extents of a file that lies in the runs from `logical` on."""
    extents: list[Extent] = []
    for start, blocks in runs:
        extents.append(Extent(logical, start, blocks))
        logical += blocks
    return extents
