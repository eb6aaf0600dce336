"""The map of an image: each block once, in stretches, from the first to the last.

What the claims leave over is looked up in the block bitmaps: free, or in use by nobody that we
know. With clusters a bit stands for several blocks, so the rest of a file's last cluster is in use
too. Memory grows with the number of stretches, not of blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from pyext4.reader import Ext4Reader
from pyext4.regions.claims import Claim, claims_of_groups, claims_of_inodes

__all__ = ["KINDS", "Region", "block_map"]

KINDS: Final = {
    "boot": "before the superblock",
    "superblocks": "the superblock and its backups",
    "descriptors": "group descriptors and their backups",
    "reserved descriptors": "kept for more descriptors when the filesystem grows",
    "block bitmaps": "which blocks are in use",
    "inode bitmaps": "which inodes are in use",
    "inode tables": "inodes",
    "resize inode": "leads to the reserved descriptors",
    "journal": "the journal",
    "orphan file": "files that are deleted but open",
    "quota": "counts of what users have",
    "directories": "names",
    "attributes": "extended attributes and ACLs",
    "indexes": "extent trees and block maps",
    "data": "contents of files and long symbolic links",
    "verity": "hashes of fs-verity",
    "bad": "bad blocks",
    "rest of clusters": "in a cluster with something else",
    "unaccounted": "in use, but nobody's",
    "free": "free",
}
"""What a block can be for -> in words."""


class Region(NamedTuple):
    """Adjacent blocks with the same purpose.

    Attributes:
        first: The first block.
        length: How many blocks.
        kind: What they are for: one of `KINDS`.
    """

    first: int
    length: int
    kind: str


def block_map(reader: Ext4Reader) -> list[Region]:
    """Return what all blocks of an open image are for, in ascending order, without gaps.

    Raises:
        DamagedError: a descriptor, a bitmap, an inode or its block map is damaged.
    """
    claims = _joined(chain(claims_of_groups(reader), claims_of_inodes(reader)))
    regions: list[Region] = []
    free = _Bitmaps(reader)
    at = 0
    for first, length, kind in sorted(claims):
        if first > at:
            _append(regions, free.look(at, first))
            at = first
        if first + length > at:  # a block that several share counts once
            _append(regions, [Region(at, first + length - at, kind)])
            at = first + length
    _append(regions, free.look(at, reader.layout.blocks_count))
    return regions


def _joined(claims: Iterable[Claim]) -> list[Claim]:
    """Join claims that go on from the last one of their kind, as bitmaps of neighbours do."""
    joined: list[Claim] = []
    last: dict[str, int] = {}
    for claim in claims:
        if not claim.length:
            continue
        index = last.get(claim.kind)
        if index is not None and sum(joined[index][:2]) == claim.first:
            joined[index] = joined[index]._replace(length=joined[index].length + claim.length)
        else:
            last[claim.kind] = len(joined)
            joined.append(claim)
    return joined


def _append(regions: list[Region], more: Iterable[Region]) -> None:
    for region in more:
        if regions and regions[-1].kind == region.kind:
            regions[-1] = regions[-1]._replace(length=regions[-1].length + region.length)
        else:
            regions.append(region)


class _Bitmaps:
    """What the block bitmaps say of blocks that nobody claims."""

    def __init__(self, reader: Ext4Reader) -> None:
        self._reader = reader
        layout = reader.layout
        self._ratio = layout.blocks_per_group // layout.fields["s_clusters_per_group"]
        self._used = "rest of clusters" if "bigalloc" in layout.features else "unaccounted"
        self._known = -1, 0  # the last group, its bits

    def look(self, begin: int, end: int) -> Iterator[Region]:
        """Yield stretches that are free, or in use."""
        layout = self._reader.layout
        at = begin
        while at < end:
            group = (at - layout.first_data_block) // layout.blocks_per_group
            stop = min(end, layout.group_start(group + 1))
            bits, start = self._bits(group), layout.group_start(group)
            while at < stop:
                rest = bits >> (at - start) // self._ratio
                kind = self._used if rest & 1 else "free"
                other = ~rest if rest & 1 else rest  # its lowest bit set is where the kind ends
                same = (other & -other).bit_length() - 1 if other else layout.blocks_per_group
                border = start + ((at - start) // self._ratio + same) * self._ratio
                yield Region(at, min(border, stop) - at, kind)
                at = min(border, stop)

    def _bits(self, number: int) -> int:
        if self._known[0] != number:
            group = self._reader.image.group(number)
            bits = 0
            if not group.block_uninit:
                bits = int.from_bytes(self._reader.image.block_bitmap(group), "little")
            self._known = number, bits
        return self._known[1]
