"""How large a filesystem must be for its content, and the sizes that follow from this.

The count is a fixed point: more blocks mean more groups, whose bitmaps and tables take more blocks.
It only grows, so it is found by going up from the content. `reach` uses a copy of the allocator to
find how far the metadata after the data would reach: the answer is exact, not a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

from pyext4.errors import DoesNotFitError, OptionsError, size_in_words
from pyext4.numbers import MAX_32, ceil_div
from pyext4.options import Options
from pyext4.space.allocator import Allocator
from pyext4.space.geometry import (
    FIRST_INO,
    Fixed,
    Geometry,
    default_journal_blocks,
    descriptor_blocks,
    max_reserved_gdt_blocks,
    reserved_gdt_blocks,
)

__all__ = ["INODE_SIZE", "Needs", "check_groups", "choose", "fixed_for"]

INODE_SIZE = 256
_DEFAULT_FREE_BYTES = 64 << 20
_DEFAULT_FREE_SHARE = 10  # of the content, one part in this many
_BYTES_PER_INODE = 16384  # mke2fs.conf's inode_ratio
_SPARE_INODES = 4  # one for this many in use
_ALIGN_BYTES = 1 << 20  # of an image whose size was not given
_LAST_GROUP_SPARE = 50  # mke2fs drops a last group with fewer blocks beyond its overhead
_LEAST_GDT_BLOCKS = 16  # if growth is not wanted: enough for 128 GiB of content
_MIN_JOURNAL_BLOCKS = 1024  # JBD2_MIN_JOURNAL_BLOCKS
_MAX_JOURNAL_BLOCKS = 10240000  # as in mke2fs

_Shape: TypeAlias = Callable[[int], Geometry]
"""The sizes of a filesystem of some number of blocks, whether or not the content fits."""


class Needs(NamedTuple):
    """What the filesystem must have room for."""

    nodes: int  # inodes in use, besides the reserved ones
    data_blocks: int  # handed out to files so far
    metadata_blocks: int  # to be placed after it: directories, attributes, links, trees
    journal: bool
    resize_inode: bool
    packed: bool  # nothing free beyond what options ask for


def choose(fixed: Fixed, allocator: Allocator, needs: Needs, options: Options) -> Geometry:
    """Choose all sizes.

    Raises:
        DoesNotFitError: the content needs more than `options.size_bytes`.
        OptionsError: a size is outside what ext4 or these options allow.
    """
    shape = partial(_shape, fixed, needs, options)
    if options.size_bytes is None:
        geometry = _smallest(shape, allocator, needs, _free_bytes(fixed, needs, options))
    else:
        geometry = _without_short_group(shape, options.size_bytes // fixed.block_size)
        free_bytes = options.free_bytes or 0
        if _lacking(geometry, allocator, needs, free_bytes) > geometry.blocks_count:
            enough = _enough(fixed, allocator, needs, options)
            raise DoesNotFitError(
                size_bytes=options.size_bytes, needed_bytes=enough.blocks_count * fixed.block_size
            )
    return _checked(geometry, needs)


def _enough(fixed: Fixed, allocator: Allocator, needs: Needs, options: Options) -> Geometry:
    """Return the smallest shape that is enough for writing the same content again.

    A larger filesystem keeps more room for descriptors, so its copies are larger too, and the
    data will not get the blocks that it has now.
    """
    handed_out = allocator.handed_out
    while True:
        trial = Allocator(fixed)
        # each copy cuts a file, whose map may take one more block
        cuts = len(trial.behind(handed_out))
        more = needs._replace(metadata_blocks=needs.metadata_blocks + cuts)
        shape = partial(_shape, fixed, needs, options)
        geometry = _smallest(shape, trial, more, options.free_bytes or 0)
        larger = fixed_for(
            options,
            geometry.blocks_count,
            desc_size=fixed.desc_size,
            resize_inode=needs.resize_inode,
        )
        if larger.gdt_area_blocks <= fixed.gdt_area_blocks:
            return geometry
        fixed = larger


def fixed_for(options: Options, blocks: int, *, desc_size: int, resize_inode: bool) -> Fixed:
    """Choose how much room the copies have for the descriptors of about `blocks` blocks."""
    block_size = options.block_size_bytes
    area = descriptor_blocks(blocks, block_size=block_size, desc_size=desc_size)
    if options.smallest or options.profile == "readonly":
        area = max(area, _LEAST_GDT_BLOCKS)
    elif resize_inode:
        area += reserved_gdt_blocks(blocks, block_size=block_size, desc_size=desc_size)
    elif options.size_bytes is None:  # the expected size may be far too small
        area = max(2 * area, _LEAST_GDT_BLOCKS)
    # The filesystem may turn out smaller, with more spare room than the resize inode holds: by
    # any number of groups, or by a last one too short to keep.
    surely = 0 if options.size_bytes is None else max(blocks - 8 * block_size, 0)
    needed = descriptor_blocks(surely, block_size=block_size, desc_size=desc_size)
    area = min(area, needed + max_reserved_gdt_blocks(block_size))
    return Fixed(block_size=block_size, desc_size=desc_size, gdt_area_blocks=area)


def check_groups(fixed: Fixed, blocks: int) -> None:
    """Check that a filesystem of this many blocks is possible: each copy has all descriptors.

    With meta_bg they would be spread over the groups, but meta_bg is not supported here.

    Raises:
        OptionsError: they, or the blocks reserved for them, would fill a group.
    """
    room = fixed.blocks_per_group - 1 - _LAST_GROUP_SPARE
    needed = descriptor_blocks(blocks, block_size=fixed.block_size, desc_size=fixed.desc_size)
    if max(needed, fixed.gdt_area_blocks) > room:
        groups = room * fixed.block_size // fixed.desc_size
        most = groups * fixed.blocks_per_group * fixed.block_size
        reason = f"without meta_bg a filesystem has at most {most} bytes, not: "
        raise OptionsError("size", f"{reason}{blocks * fixed.block_size}")


def _free_bytes(fixed: Fixed, needs: Needs, options: Options) -> int:
    if options.free_bytes is not None:
        return options.free_bytes
    if needs.packed:
        return 0
    content = (needs.data_blocks + needs.metadata_blocks) * fixed.block_size
    return max(_DEFAULT_FREE_BYTES, content // _DEFAULT_FREE_SHARE)


def _smallest(shape: _Shape, allocator: Allocator, needs: Needs, free_bytes: int) -> Geometry:
    blocks = allocator.end
    while True:
        geometry = shape(blocks)
        fixed = geometry.fixed
        align = 1 if needs.packed else _ALIGN_BYTES // fixed.block_size
        blocks = ceil_div(blocks + _short_by(geometry), align) * align
        geometry = shape(blocks)
        needed = _lacking(geometry, allocator, needs, free_bytes)
        if needed <= blocks and not _short_by(geometry):
            return geometry
        blocks = max(blocks, needed)


def _lacking(geometry: Geometry, allocator: Allocator, needs: Needs, free_bytes: int) -> int:
    """Return how many blocks a filesystem of this shape needs."""
    fixed = geometry.fixed
    groups = ceil_div(geometry.inodes_count, fixed.blocks_per_group)
    if groups > geometry.groups:  # a bitmap has no room for that many inodes in a group
        return fixed.group_start(groups)
    used = (
        sum(geometry.copy_blocks for _ in geometry.copies())
        + fixed.first_data_block
        + needs.data_blocks
        + geometry.groups * (2 + geometry.itable_blocks)
        + _behind(geometry, needs)
    )
    return max(reach(geometry, allocator, needs), used + ceil_div(free_bytes, fixed.block_size))


def _behind(geometry: Geometry, needs: Needs) -> int:
    """Return how many blocks are to be placed after the data, besides bitmaps and tables."""
    # copies may cut a journal larger than a group into more pieces than fit in its inode
    map_block = geometry.journal_blocks > geometry.fixed.blocks_per_group
    return needs.metadata_blocks + geometry.journal_blocks + map_block + needs.resize_inode


def reach(geometry: Geometry, allocator: Allocator, needs: Needs) -> int:
    """Return the block after everything, if it is placed as `pyext4.writing.layout` does."""
    trial = allocator.copy()
    trial.behind(2 * geometry.groups)
    for _ in range(geometry.groups):
        trial.contiguous(geometry.itable_blocks)
    trial.behind(_behind(geometry, needs))
    return trial.end


def _shape(fixed: Fixed, needs: Needs, options: Options, blocks: int) -> Geometry:
    """Return the sizes of a filesystem of `blocks` blocks, whether or not the content fits."""
    check_groups(fixed, blocks)
    groups = max(ceil_div(blocks - fixed.first_data_block, fixed.blocks_per_group), 1)
    used = FIRST_INO - 1 + needs.nodes
    if options.inodes is not None:
        wanted = max(options.inodes, used)
    elif needs.packed and options.bytes_per_inode is None:
        wanted = used
    else:
        # a bitmap is one block; a ratio that asks for more inodes in a group gets this many
        most = groups * fixed.blocks_per_group
        ratio = options.bytes_per_inode or _BYTES_PER_INODE
        by_ratio = min(blocks * fixed.block_size // ratio, most)
        wanted = max(used + (0 if needs.packed else ceil_div(used, _SPARE_INODES)), by_ratio)
    step = max(fixed.block_size // INODE_SIZE, 8)  # whole blocks of table, whole bytes of bitmap
    return Geometry(
        fixed=fixed,
        blocks_count=blocks,
        inodes_per_group=ceil_div(ceil_div(wanted, groups), step) * step,
        inode_size=INODE_SIZE,
        journal_blocks=_journal_blocks(fixed, blocks, needs, options),
        resize_inode=needs.resize_inode,
    )


def _journal_blocks(fixed: Fixed, blocks: int, needs: Needs, options: Options) -> int:
    if not needs.journal:
        return 0
    if options.journal_bytes is None:
        return default_journal_blocks(blocks) or _MIN_JOURNAL_BLOCKS
    journal = options.journal_bytes // fixed.block_size
    if not _MIN_JOURNAL_BLOCKS <= journal <= _MAX_JOURNAL_BLOCKS:
        low, high = _MIN_JOURNAL_BLOCKS * fixed.block_size, _MAX_JOURNAL_BLOCKS * fixed.block_size
        limits = f"{size_in_words(low)} to {size_in_words(high)}"
        reason = f"a journal has {limits}, not: {size_in_words(options.journal_bytes)}"
        raise OptionsError("journal size", reason)
    return journal


def _short_by(geometry: Geometry) -> int:
    """Return how many blocks the last group lacks to be worth keeping; 0 if it is."""
    last = geometry.groups - 1
    if last == 0:
        return 0
    fixed = geometry.fixed
    copy = fixed.copy_blocks if fixed.has_copy(last) else 0
    enough = copy + 2 + geometry.itable_blocks + _LAST_GROUP_SPARE
    return max(min(enough, fixed.blocks_per_group) - geometry.group_blocks(last), 0)


def _without_short_group(shape: _Shape, blocks: int) -> Geometry:
    """Drop a last group that is too short: its blocks stay unused at the end of the image."""
    geometry = shape(blocks)
    if not _short_by(geometry):
        return geometry
    return shape(geometry.fixed.group_start(geometry.groups - 1))


def _checked(geometry: Geometry, needs: Needs) -> Geometry:
    fixed = geometry.fixed
    size_bytes = geometry.blocks_count * fixed.block_size
    if geometry.inodes_count > MAX_32:
        raise OptionsError("inodes", f"ext4 has at most {MAX_32}: {geometry.inodes_count}")
    if fixed.desc_size == 32 and geometry.blocks_count > MAX_32:
        shown = size_in_words(size_bytes)
        raise OptionsError("size", f"without 64bit it is too large: {shown}")
    room = geometry.reserved_gdt_blocks
    if room < 0 or (needs.resize_inode and room > max_reserved_gdt_blocks(fixed.block_size)):
        raise OptionsError(
            "size", f"an image this large needs its size in advance: {size_in_words(size_bytes)}"
        )
    return geometry
