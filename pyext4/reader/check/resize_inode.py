"""The resize inode: a block map of the blocks reserved for group descriptors.

Its doubly indirect block points to the reserved blocks after the first superblock; each of those,
read as an indirect block, points to its counterparts after the backups.

Specification: fs/ext4/resize.c and lib/ext2fs/res_gdt.c.
"""

from __future__ import annotations

from pyext4.errors import DamagedError
from pyext4.ondisk.inode import EXT4_RESIZE_INO
from pyext4.reader.check.group_metadata import reserved_gdt_blocks
from pyext4.reader.disk.block_map import Mapping
from pyext4.reader.disk.open_image import Image

__all__ = ["check_resize_inode"]


def check_resize_inode(image: Image, mapping: Mapping) -> int:
    """Compare the resize inode's map with the reserved blocks; return its doubly indirect block.

    Raises:
        DamagedError: the map leads elsewhere.
    """
    groups = range(1, image.layout.groups_count)
    backups = {block for group in groups for block in reserved_gdt_blocks(image, group)}
    primary = set(reserved_gdt_blocks(image, 0))
    leaves = {block for run in mapping.runs for block in range(run.block, run.block + run.length)}
    if leaves != backups:
        missing, extra = len(backups - leaves), len(leaves - backups)
        raise _damaged(f"{missing} reserved blocks of backups are missing, {extra} are others")
    own = set(mapping.own_blocks)
    others = own - primary
    if len(others) != 1 or own < primary or len(mapping.own_blocks) != len(own):
        raise _damaged(f"{len(mapping.own_blocks) - 1} indirect blocks, expected {len(primary)}")
    return others.pop()


def _damaged(reason: str) -> DamagedError:
    return DamagedError("resize inode", EXT4_RESIZE_INO, reason)
