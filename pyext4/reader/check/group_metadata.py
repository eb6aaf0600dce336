"""Blocks that the layout gives to metadata: superblocks, descriptors, bitmaps, inode tables.

Specification: https://docs.kernel.org/filesystems/ext4/overview.html (blockgroup.rst,
special metadata groups).
"""

from __future__ import annotations

from collections.abc import Iterator

from pyext4.numbers import ceil_div
from pyext4.reader.disk.open_image import Image

__all__ = ["descriptor_blocks", "group_head", "group_metadata", "reserved_gdt_blocks"]


def descriptor_blocks(image: Image) -> int:
    """Return how many descriptor blocks follow each superblock; meta_bg spreads the rest."""
    layout = image.layout
    if "meta_bg" in layout.features:
        return min(layout.desc_blocks, int(layout.fields["s_first_meta_bg"]))
    return layout.desc_blocks


def reserved_gdt_blocks(image: Image, group: int) -> range:
    """Return the blocks of a group that are kept for more descriptors."""
    layout = image.layout
    if not layout.has_super(group) or descriptor_blocks(image) < layout.desc_blocks:
        return range(0)
    first = layout.group_start(group) + 1 + descriptor_blocks(image)
    return range(first, first + layout.fields["s_reserved_gdt_blocks"])


def group_head(image: Image, group: int) -> int:
    """Return how many blocks the copies at the start of a group take."""
    layout = image.layout
    has_super = int(layout.has_super(group))
    index, place = divmod(group, layout.descs_per_block)
    if index < descriptor_blocks(image):
        if not has_super:
            return 0
        return 1 + descriptor_blocks(image) + len(reserved_gdt_blocks(image, group))
    # meta_bg: the block of descriptors of these groups is in the first, second and last
    in_meta_group = place in (0, 1, layout.descs_per_block - 1)
    head = has_super + int(in_meta_group)
    # descriptors from before meta_bg are still copied after every superblock
    return head + (descriptor_blocks(image) if has_super else 0)


def group_metadata(image: Image, group: int) -> Iterator[tuple[int, int, str]]:
    """Yield (first block, length, what) of everything that a group's descriptor gives it."""
    layout, found = image.layout, image.group(group)
    yield layout.group_start(group), group_head(image, group), f"the head of group {group}"
    yield found.block_bitmap, 1, f"the block bitmap of group {group}"
    yield found.inode_bitmap, 1, f"the inode bitmap of group {group}"
    table = ceil_div(layout.inodes_per_group * layout.inode_size, layout.block_size)
    yield found.inode_table, table, f"the inode table of group {group}"
