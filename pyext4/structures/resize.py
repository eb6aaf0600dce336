"""The resize inode: it owns the blocks reserved for more descriptors, so that nothing else does.

It has the old kind of map. Only the double indirect block is used: for the i-th block of the
descriptors' area, entry i % (block size / 4) is that block in group 0, which serves as an indirect
block and lists where the same block is in every other copy.

Source: lib/ext2fs/res_gdt.c of e2fsprogs, fs/ext4/resize.c.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from pyext4.ondisk.inode import EXT4_DIND_BLOCK, EXT4_N_BLOCKS, EXT4_NDIR_BLOCKS
from pyext4.space.geometry import Geometry

__all__ = ["ResizeInode", "build"]


class ResizeInode(NamedTuple):
    """The inode's facts and the blocks to write."""

    size_bytes: int
    blocks_count: int  # of all blocks that it owns
    i_block: bytes
    blocks: list[tuple[int, bytes]]  # to be written


def build(geometry: Geometry, dind_block: int) -> ResizeInode:
    """Build the resize inode around a free block for its double indirect map."""
    fixed = geometry.fixed
    size = fixed.block_size
    per_block = size // 4
    copies = [group for group in geometry.copies() if group]
    dind = [0] * per_block
    blocks: list[tuple[int, bytes]] = []
    first = fixed.first_data_block + 1  # of the descriptors' area in group 0
    for i in range(geometry.gdt_blocks, fixed.gdt_area_blocks):
        block = first + i
        dind[i % per_block] = block
        entries = [block + group * fixed.blocks_per_group for group in copies]
        blocks.append((block, struct.pack(f"<{len(entries)}I", *entries).ljust(size, b"\0")))
    blocks.append((dind_block, struct.pack(f"<{per_block}I", *dind)))
    i_block = [0] * EXT4_N_BLOCKS
    i_block[EXT4_DIND_BLOCK] = dind_block
    owned = 1 + geometry.reserved_gdt_blocks * (1 + len(copies))
    return ResizeInode(
        size_bytes=(per_block * per_block + per_block + EXT4_NDIR_BLOCKS) * size,
        blocks_count=owned,
        i_block=struct.pack(f"<{EXT4_N_BLOCKS}I", *i_block),
        blocks=blocks,
    )
