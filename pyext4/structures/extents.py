"""Extent trees: up to four entries in the inode, else blocks of them, to any depth needed.

Source: fs/ext4/ext4_extents.h, Documentation/filesystems/ext4/ifork.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from pyext4.native import crc32c
from pyext4.numbers import MAX_32, ceil_div
from pyext4.ondisk.extent import (
    EXT4_EXT_MAGIC,
    EXT_INIT_MAX_LEN,
    ExtentHeader,
    ExtentIdx,
    ExtentTail,
)
from pyext4.ondisk.extent import Extent as ExtentDeclaration
from pyext4.packer import Packer
from pyext4.space.runs import Extent

__all__ = ["EMPTY_ROOT", "IN_INODE", "single", "split", "tree", "tree_blocks"]

_HEADER = Packer(ExtentHeader, zero=("eh_generation",))
_LEAF = Packer(ExtentDeclaration)
_INDEX = Packer(ExtentIdx, zero=("ei_unused",))
_TAIL = Packer(ExtentTail)

IN_INODE = (60 - _HEADER.size) // _LEAF.size  # entries in i_block: 4

# i_block of a file with one extent, like most: header, ee_block, ee_len, ee_start_*, padding
_SINGLE = struct.Struct("<HHHHI IHHI 36x")
EMPTY_ROOT = _HEADER.pack(eh_magic=EXT4_EXT_MAGIC, eh_entries=0, eh_max=IN_INODE, eh_depth=0).ljust(
    60, b"\0"
)


class _Entry(NamedTuple):
    """One entry of a node: the first block of the file that it covers, and its bytes."""

    logical: int
    packed: bytes


def single(logical: int, start: int, blocks: int) -> bytes:
    """Return i_block for one extent of at most EXT_INIT_MAX_LEN blocks."""
    return _SINGLE.pack(
        EXT4_EXT_MAGIC, 1, IN_INODE, 0, 0, logical, blocks, start >> 32, start & MAX_32
    )


def split(extents: Sequence[Extent]) -> list[Extent]:
    """Cut extents to the length that one entry can hold."""
    out: list[Extent] = []
    for logical, start, blocks in extents:
        for done in range(0, blocks, EXT_INIT_MAX_LEN):
            piece = min(EXT_INIT_MAX_LEN, blocks - done)
            out.append(Extent(logical + done, start + done, piece))
    return out


def _per_block(block_size: int) -> int:
    return (block_size - _HEADER.size) // _LEAF.size


def tree_blocks(extents: int, block_size: int) -> int:
    """Return how many blocks a tree of this many entries takes outside the inode."""
    total = 0
    while extents > IN_INODE:
        extents = ceil_div(extents, _per_block(block_size))
        total += extents
    return total


def _entries(extents: Sequence[Extent]) -> list[_Entry]:
    return [
        _Entry(
            logical,
            _LEAF.pack(
                ee_block=logical,
                ee_len=blocks,
                ee_start_hi=start >> 32,
                ee_start_lo=start & MAX_32,
            ),
        )
        for logical, start, blocks in extents
    ]


def _root(entries: Sequence[_Entry], depth: int) -> bytes:
    """Return i_block with the root's entries."""
    header = _HEADER.pack(
        eh_magic=EXT4_EXT_MAGIC, eh_entries=len(entries), eh_max=IN_INODE, eh_depth=depth
    )
    return (header + b"".join(entry.packed for entry in entries)).ljust(60, b"\0")


def tree(
    extents: Sequence[Extent], blocks: Sequence[int], *, block_size: int, seed: int | None
) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return i_block, and (block, bytes) of each block of the tree.

    `extents` come from `split`; `blocks` are as many as `tree_blocks` says; `seed` is the inode's,
    or None without metadata_csum.
    """
    entries = _entries(extents)
    room = _per_block(block_size)
    free = iter(blocks)
    written: list[tuple[int, bytes]] = []
    depth = 0
    while len(entries) > IN_INODE:
        above: list[_Entry] = []
        for first in range(0, len(entries), room):
            children = entries[first : first + room]
            block = next(free)
            written.append((block, _node(children, depth, room, block_size, seed)))
            index = _INDEX.pack(
                ei_block=children[0].logical, ei_leaf_lo=block & MAX_32, ei_leaf_hi=block >> 32
            )
            above.append(_Entry(children[0].logical, index))
        entries = above
        depth += 1
    return _root(entries, depth), written


def _node(
    entries: Sequence[_Entry], depth: int, room: int, block_size: int, seed: int | None
) -> bytes:
    header = _HEADER.pack(
        eh_magic=EXT4_EXT_MAGIC, eh_entries=len(entries), eh_max=room, eh_depth=depth
    )
    end = _HEADER.size + room * _LEAF.size
    summed = (header + b"".join(entry.packed for entry in entries)).ljust(end, b"\0")
    if seed is None:
        return summed.ljust(block_size, b"\0")
    return (summed + _TAIL.pack(et_checksum=crc32c(seed, summed))).ljust(block_size, b"\0")
