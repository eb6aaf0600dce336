"""Where everything after the data goes: bitmaps, tables, directories, maps, the journal.

The order below is the order on the disk, except for what goes into holes in the data;
`pyext4.space.sizing.reach` relies on it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pyext4.space.allocator import Allocator
from pyext4.space.geometry import Geometry
from pyext4.space.runs import Extent, Run, from_runs
from pyext4.structures import extents, orphan_file
from pyext4.writing.attribute_blocks import Attributes
from pyext4.writing.directory_blocks import Directories

__all__ = ["Demands", "Layout", "lay_out"]


class Demands(NamedTuple):
    """What is to be laid out, besides what the geometry says."""

    directories: Directories
    attributes: Attributes
    links: Mapping[int, bytes]  # node -> target, of symlinks that don't fit into the inode
    fragmented: Mapping[int, list[Extent]]  # node -> extents, of files that need more than one
    resize_inode: bool
    orphan_file: bool

    def blocks(self, block_size: int) -> int:
        """Return the most blocks that all this can take, besides the journal."""
        trees = sum(extents.tree_blocks(len(e), block_size) for e in self.fragmented.values())
        # copies may cut a large directory into more pieces than fit in an inode
        large = sum(blocks > _LARGE_DIRECTORY for blocks in self.directories.blocks)
        return (
            sum(self.directories.blocks)
            + large
            + len(self.attributes.blocks)
            + len(self.links)
            + trees
            + (orphan_file.BLOCKS if self.orphan_file else 0)
        )


_LARGE_DIRECTORY = 4096  # blocks; with 1 KiB blocks it may cross four copies


class Layout:
    """The first block of everything."""

    def __init__(
        self, *, block_bitmaps: array[int], inode_bitmaps: array[int], inode_tables: array[int]
    ) -> None:
        self.block_bitmaps = block_bitmaps
        self.inode_bitmaps = inode_bitmaps
        self.inode_tables = inode_tables
        self.directories = array("Q")
        self.cut_directories: dict[int, list[Run]] = {}  # those in pieces
        self.attributes: list[int] = []
        self.links: dict[int, int] = {}  # node -> block
        self.trees: dict[int, list[int]] = {}  # node -> blocks of its extent tree
        self.dind_block = 0  # of the resize inode
        self.orphan_file: list[Run] = []
        self.journal: list[Run] = []
        self.journal_tree: list[int] = []
        self.spare: list[Run] = []  # of the copies, and free: no inode owns them


def lay_out(geometry: Geometry, allocator: Allocator, demands: Demands) -> Layout:
    """Assign blocks to everything."""
    bitmaps = array("Q", _each(allocator.behind(2 * geometry.groups)))
    out = Layout(
        block_bitmaps=bitmaps[: geometry.groups],
        inode_bitmaps=bitmaps[geometry.groups :],
        inode_tables=array(
            "Q", (allocator.contiguous(geometry.itable_blocks) for _ in range(geometry.groups))
        ),
    )
    for number, blocks in enumerate(demands.directories.blocks):
        runs = allocator.allocate(blocks)
        out.directories.append(runs[0].start)
        if len(runs) > 1:
            out.cut_directories[number] = runs
            needed = extents.tree_blocks(len(_pieces(runs)), geometry.block_size)
            if needed:
                node = demands.directories.survey.directories[number]
                out.trees[node] = _single_blocks(allocator, needed)
    out.attributes = _single_blocks(allocator, len(demands.attributes.blocks))
    out.links = dict(zip(demands.links, _single_blocks(allocator, len(demands.links)), strict=True))
    for node, pieces in demands.fragmented.items():
        needed = extents.tree_blocks(len(pieces), geometry.block_size)
        if needed:
            out.trees[node] = _single_blocks(allocator, needed)
    if demands.resize_inode:
        out.dind_block = allocator.contiguous(1)
    if demands.orphan_file:
        out.orphan_file = allocator.behind(orphan_file.BLOCKS)
    if geometry.journal_blocks:
        out.journal = allocator.behind(geometry.journal_blocks)
        needed = extents.tree_blocks(len(_pieces(out.journal)), geometry.block_size)
        out.journal_tree = _single_blocks(allocator, needed)
    if not demands.resize_inode:
        out.spare = _spare_gdt(geometry, allocator.end)
    return out


def _spare_gdt(geometry: Geometry, end: int) -> list[Run]:
    """Return the blocks that the copies before `end` kept for more descriptors."""
    spare = geometry.fixed.gdt_area_blocks - geometry.gdt_blocks
    starts = [geometry.fixed.group_start(group) for group in geometry.copies()]
    return [Run(start + geometry.copy_blocks, spare) for start in starts if spare and start < end]


def _single_blocks(allocator: Allocator, count: int) -> list[int]:
    return [allocator.allocate(1)[0].start for _ in range(count)]


def _each(runs: Iterable[Run]) -> Iterable[int]:
    for start, blocks in runs:
        yield from range(start, start + blocks)


def _pieces(runs: Iterable[Run]) -> list[Extent]:
    return extents.split(from_runs(runs))
