"""Bitmaps and descriptors of all groups.

Everything below the allocator's end except its holes is in use, and so are the copies above. As in
mke2fs, a group that holds only its copy is marked, and its bitmaps are not written: code that needs
them computes them. That requires a checksum in the descriptor: without one all are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from pyext4 import native
from pyext4.ondisk.group_desc import (
    EXT4_BG_BLOCK_UNINIT,
    EXT4_BG_INODE_UNINIT,
    EXT4_BG_INODE_ZEROED,
    GroupDesc,
)
from pyext4.packer import Packer
from pyext4.space.allocator import Allocator
from pyext4.space.geometry import Geometry
from pyext4.space.runs import Run
from pyext4.structures import checksum
from pyext4.writing.layout import Layout

__all__ = ["Groups", "Sums", "build"]

_DESCRIPTOR = Packer(
    GroupDesc, zero=("bg_exclude_bitmap_lo", "bg_exclude_bitmap_hi", "bg_reserved")
)
_CHECKSUM = _DESCRIPTOR.offsets["bg_checksum"]


class Groups(NamedTuple):
    """The descriptors, and the bitmaps to be written."""

    descriptors: bytes
    bitmaps: list[tuple[int, bytes]]
    free_blocks: int


class Sums(NamedTuple):
    """How descriptors are checksummed: by metadata_csum, by uninit_bg, or not at all."""

    fs_seed: int | None
    uuid: UUID | None  # with uninit_bg

    @property
    def any(self) -> bool:
        """Whether groups may be marked."""
        return self.fs_seed is not None or self.uuid is not None


def build(
    geometry: Geometry,
    layout: Layout,
    allocator: Allocator,
    *,
    last_ino: int,
    directories: Iterator[int],
    sums: Sums,
) -> Groups:
    """Build the descriptors; `directories` yields the inode numbers of all directories."""
    used_dirs = [0] * geometry.groups
    for ino in directories:
        used_dirs[(ino - 1) // geometry.inodes_per_group] += 1
    used = _UsedBlocks(geometry, allocator.end, sorted([*allocator.holes(), *layout.spare]))
    descriptors = bytearray()
    bitmaps: list[tuple[int, bytes]] = []
    free_total = 0
    for group in range(geometry.groups):
        blocks, free_blocks = used.bitmap(group, lazy=sums.any)
        first_ino = group * geometry.inodes_per_group
        used_inodes = min(max(last_ino - first_ino, 0), geometry.inodes_per_group)
        inodes = _inode_bitmap(geometry, used_inodes) if used_inodes or not sums.any else None
        flags = 0
        if sums.any:
            flags = EXT4_BG_INODE_ZEROED
            flags |= EXT4_BG_BLOCK_UNINIT if blocks is None else 0
            flags |= EXT4_BG_INODE_UNINIT if inodes is None else 0
        free_inodes = geometry.inodes_per_group - used_inodes
        if blocks is not None:
            bitmaps.append((layout.block_bitmaps[group], blocks))
        if inodes is not None:
            bitmaps.append((layout.inode_bitmaps[group], inodes))
        bits = geometry.inodes_per_group // 8
        fields = {
            **_halves("bg_block_bitmap", layout.block_bitmaps[group], 32),
            **_halves("bg_inode_bitmap", layout.inode_bitmaps[group], 32),
            **_halves("bg_inode_table", layout.inode_tables[group], 32),
            **_halves("bg_free_blocks_count", free_blocks, 16),
            **_halves("bg_free_inodes_count", free_inodes, 16),
            **_halves("bg_used_dirs_count", used_dirs[group], 16),
            **_halves("bg_block_bitmap_csum", _sum(sums, blocks, None), 16),
            **_halves("bg_inode_bitmap_csum", _sum(sums, inodes, bits), 16),
            **_halves("bg_itable_unused", free_inodes if sums.any else 0, 16),
        }
        descriptor = bytearray(_DESCRIPTOR.pack(bg_flags=flags, bg_checksum=0, **fields))
        del descriptor[geometry.fixed.desc_size :]
        _seal(descriptor, group, sums)
        descriptors += descriptor
        free_total += free_blocks
    return Groups(descriptors=bytes(descriptors), bitmaps=bitmaps, free_blocks=free_total)


def _halves(name: str, value: int, bits: int) -> dict[str, int]:
    return {f"{name}_lo": value & ((1 << bits) - 1), f"{name}_hi": value >> bits}


def _sum(sums: Sums, bitmap: bytes | None, length: int | None) -> int:
    if bitmap is None or sums.fs_seed is None:
        return 0
    return native.crc32c(sums.fs_seed, bitmap[:length])


def _seal(descriptor: bytearray, group: int, sums: Sums) -> None:
    if sums.fs_seed is not None:
        crc = checksum.descriptor_crc(sums.fs_seed, group, descriptor)
    elif sums.uuid is not None:
        crc = checksum.crc16(0xFFFF, sums.uuid.bytes + group.to_bytes(4, "little"))
        crc = checksum.crc16(crc, descriptor[:_CHECKSUM] + descriptor[_CHECKSUM + 2 :])
    else:
        return
    descriptor[_CHECKSUM : _CHECKSUM + 2] = crc.to_bytes(2, "little")


class _UsedBlocks:
    """Finds the blocks in use, group by group, in ascending order."""

    def __init__(self, geometry: Geometry, end: int, holes: Iterable[Run]) -> None:
        """Take the block after all that were handed out, and what is free before it."""
        self._geometry = geometry
        self._end = end
        self._holes = iter(holes)
        self._hole: Run | None = next(self._holes, None)
        self._copies = set(geometry.copies())

    def bitmap(self, group: int, *, lazy: bool) -> tuple[bytes | None, int]:
        """Return a group's block bitmap and its count of free blocks.

        The bitmap is None if it can be computed and `lazy` allows that.
        """
        geometry = self._geometry
        fixed = geometry.fixed
        start = fixed.group_start(group)
        blocks = geometry.group_blocks(group)
        if start < self._end:
            ranges = list(self._runs(start, min(start + blocks, self._end)))
        else:
            ranges = [Run(0, self._geometry.copy_blocks)] if group in self._copies else []
        used = sum(count for _, count in ranges)
        # the last group's bitmap has padding, which a reader doesn't compute
        if lazy and start >= self._end and group < geometry.groups - 1:
            return None, blocks - used
        bitmap = bytearray(geometry.block_size)
        native.bitmap_set(bitmap, [*ranges, (blocks, fixed.blocks_per_group - blocks)])
        return bytes(bitmap), blocks - used

    def _runs(self, start: int, stop: int) -> Iterator[Run]:
        """Yield the used runs between two blocks, relative to the first."""
        at = start
        while self._hole is not None and self._hole.start < stop:
            hole, count = self._hole
            if hole > at:
                yield Run(at - start, hole - at)
            at = max(at, min(hole + count, stop))
            if hole + count > stop:
                break  # it continues in the next group
            self._hole = next(self._holes, None)
        if at < stop:
            yield Run(at - start, stop - at)


def _inode_bitmap(geometry: Geometry, used: int) -> bytes:
    bitmap = bytearray(geometry.block_size)
    beyond = geometry.inodes_per_group
    native.bitmap_set(bitmap, [(0, used), (beyond, 8 * geometry.block_size - beyond)])
    return bytes(bitmap)
