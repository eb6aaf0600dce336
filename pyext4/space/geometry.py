"""Sizes: groups, copies of the superblock, inode counts, the journal. No I/O.

A filesystem is cut into groups of 8 * block size blocks. Group 0 and, by sparse_super, group 1 and
the powers of 3, 5 and 7 begin with a copy of the superblock and of the descriptors, followed by
blocks reserved for more descriptors. Nothing else has a fixed place (`Fixed`). The places are known
before the size, once the room for descriptors is known, so data can be placed while it arrives. The
other sizes (`Geometry`) are chosen once the content is known.

Numbers and rules: lib/ext2fs/initialize.c, lib/ext2fs/mkjournal.c and misc/mke2fs.c of e2fsprogs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pyext4.numbers import MAX_32, ceil_div

__all__ = [
    "FIRST_INO",
    "MAX_RESIZE_BLOCKS",
    "Fixed",
    "Geometry",
    "default_journal_blocks",
    "descriptor_blocks",
    "max_reserved_gdt_blocks",
]

FIRST_INO = 11  # s_first_ino: lower ones are reserved; lost+found has this one
_GROWTH = 1024  # mke2fs reserves descriptors for this many times the size
MAX_RESIZE_BLOCKS = MAX_32  # the resize inode's block map has 32-bit numbers


def descriptor_blocks(blocks_count: int, *, block_size: int, desc_size: int) -> int:
    """Return how many blocks the descriptors of a filesystem of this size take."""
    groups = ceil_div(blocks_count - (block_size == 1024), 8 * block_size)
    return ceil_div(groups * desc_size, block_size)


def max_reserved_gdt_blocks(block_size: int) -> int:
    """Return how many blocks the resize inode can hold: one indirect block's entries."""
    return block_size // 4


def reserved_gdt_blocks(blocks_count: int, *, block_size: int, desc_size: int) -> int:
    """Return how many blocks mke2fs reserves for growth in a filesystem of this size."""
    grown = min(blocks_count * _GROWTH, MAX_RESIZE_BLOCKS)
    sizes = {"block_size": block_size, "desc_size": desc_size}
    more = descriptor_blocks(grown, **sizes) - descriptor_blocks(blocks_count, **sizes)
    return min(max(more, 0), max_reserved_gdt_blocks(block_size))


# (blocks of the filesystem, blocks of the journal from that size on)
_JOURNALS = (
    (32768 * 1024, 262144),
    (16384 * 1024, 131072),
    (8192 * 1024, 65536),
    (4096 * 1024, 32768),
    (512 * 1024, 16384),
    (256 * 1024, 8192),
    (32768, 4096),
    (2048, 1024),
)


def default_journal_blocks(blocks_count: int) -> int:
    """Return ext2fs_default_journal_size: 0 if a filesystem is too small for a journal."""
    return next((journal for blocks, journal in _JOURNALS if blocks_count >= blocks), 0)


def _is_power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1


class Fixed(NamedTuple):
    """What is at fixed blocks: copies of the superblock, descriptors and reserved blocks."""

    block_size: int
    desc_size: int
    gdt_area_blocks: int  # descriptors and the blocks reserved for more, in each copy

    @property
    def first_data_block(self) -> int:
        """The superblock's block: with 1 KiB blocks there is one before it."""
        return 1 if self.block_size == 1024 else 0

    @property
    def blocks_per_group(self) -> int:
        """One block of bitmap."""
        return 8 * self.block_size

    @property
    def copy_blocks(self) -> int:
        """Blocks at the beginning of a group that has a copy."""
        return 1 + self.gdt_area_blocks

    def has_copy(self, group: int) -> bool:
        """Tell whether the group begins with a copy, by sparse_super."""
        return group <= 1 or any(_is_power(group, base) for base in (3, 5, 7))

    def group_start(self, group: int) -> int:
        """Return the first block of a group."""
        return self.first_data_block + group * self.blocks_per_group

    def copies(self) -> Iterator[int]:
        """Yield the groups that have a copy, endlessly."""
        yield 0
        yield 1
        powers = {3: 3, 5: 5, 7: 7}
        while True:
            base = min(powers, key=powers.__getitem__)
            yield powers[base]
            powers[base] *= base


class Geometry(NamedTuple):
    """All sizes of a filesystem."""

    fixed: Fixed
    blocks_count: int
    inodes_per_group: int
    inode_size: int
    journal_blocks: int  # 0: no journal
    resize_inode: bool  # it owns the unused part of the descriptors' area

    @property
    def block_size(self) -> int:
        """Bytes."""
        return self.fixed.block_size

    @property
    def groups(self) -> int:
        """Count of groups; the last may be shorter than the others."""
        return ceil_div(
            self.blocks_count - self.fixed.first_data_block, self.fixed.blocks_per_group
        )

    @property
    def inodes_count(self) -> int:
        """Inodes, used or not."""
        return self.groups * self.inodes_per_group

    @property
    def itable_blocks(self) -> int:
        """Blocks of one group's inode table."""
        return ceil_div(self.inodes_per_group * self.inode_size, self.block_size)

    @property
    def gdt_blocks(self) -> int:
        """Blocks of descriptors in use."""
        return ceil_div(self.groups * self.fixed.desc_size, self.block_size)

    @property
    def copy_blocks(self) -> int:
        """Blocks in use at the beginning of a group that has a copy."""
        return 1 + (self.fixed.gdt_area_blocks if self.resize_inode else self.gdt_blocks)

    @property
    def reserved_gdt_blocks(self) -> int:
        """Blocks reserved for more descriptors."""
        return self.fixed.gdt_area_blocks - self.gdt_blocks

    def copies(self) -> Iterator[int]:
        """Yield the groups that have a copy of the superblock."""
        for group in self.fixed.copies():
            if group >= self.groups:
                return
            yield group

    def group_blocks(self, group: int) -> int:
        """Return how many blocks a group has."""
        start = self.fixed.group_start(group)
        return min(self.fixed.blocks_per_group, self.blocks_count - start)
