"""Who says that a block is theirs: the groups' descriptors first, then every inode in use."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import NamedTuple

from pyext4.numbers import ceil_div
from pyext4.ondisk import inode as ondisk
from pyext4.reader import Ext4Reader, Inode
from pyext4.reader.check.group_metadata import group_head, reserved_gdt_blocks
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.inodes import parse_inode
from pyext4.reader.disk.open_image import Group

__all__ = ["Claim", "claims_of_groups", "claims_of_inodes"]


class Claim(NamedTuple):
    """A stretch of blocks and what it is for, one of `pyext4.regions.KINDS`."""

    first: int
    length: int
    kind: str


def claims_of_groups(reader: Ext4Reader) -> Iterator[Claim]:
    """Yield what the layout gives to metadata."""
    layout, image = reader.layout, reader.image
    yield Claim(0, layout.super_block, "boot")
    table = ceil_div(layout.inodes_per_group * layout.inode_size, layout.block_size)
    for number in range(layout.groups_count):
        # with clusters and 1 KiB blocks, group 0 begins before the superblock
        start = layout.group_start(number) if number else layout.super_block
        supers = int(layout.has_super(number))
        reserved = len(reserved_gdt_blocks(image, number))
        descriptors = group_head(image, number) - supers - reserved
        yield Claim(start, supers, "superblocks")
        yield Claim(start + supers, descriptors, "descriptors")
        yield Claim(start + supers + descriptors, reserved, "reserved descriptors")
        group = image.group(number)
        yield Claim(group.block_bitmap, 1, "block bitmaps")
        yield Claim(group.inode_bitmap, 1, "inode bitmaps")
        yield Claim(group.inode_table, table, "inode tables")


def claims_of_inodes(reader: Ext4Reader) -> Iterator[Claim]:
    """Yield what inodes hold; the resize inode's blocks are claimed by the groups."""
    for number in range(reader.layout.groups_count):
        for node in _inodes(reader, reader.image.group(number)):
            yield from _claims(reader, node)


def _inodes(reader: Ext4Reader, group: Group) -> Iterator[Inode]:
    """Yield the inodes of a group that its bitmap has in use."""
    layout, image = reader.layout, reader.image
    if group.inode_uninit:
        return
    bits = int.from_bytes(image.inode_bitmap(group), "little")
    bits &= (1 << max(0, layout.inodes_per_group - group.itable_unused)) - 1
    size, used = layout.inode_size, bits.bit_length()
    table = image.bytes_at(group.inode_table * layout.block_size, used * size)
    for index in range(used):
        raw = table[index * size : (index + 1) * size]
        if bits >> index & 1 and any(raw):
            yield parse_inode(layout, group.number * layout.inodes_per_group + index + 1, raw)


def _claims(reader: Ext4Reader, node: Inode) -> Iterator[Claim]:
    layout = reader.layout
    mapping = map_blocks(reader.image, node)
    kind = _kind(reader, node)
    if node.ino == ondisk.EXT4_RESIZE_INO and "resize_inode" in layout.features:
        # all but its doubly indirect block are among those reserved for descriptors
        reserved = reserved_gdt_blocks(reader.image, 0)
        others = (block for block in mapping.own_blocks if block not in reserved)
        yield from (Claim(block, 1, "resize inode") for block in others)
        return
    end = ceil_div(node.size, layout.block_size)
    for run in mapping.runs:
        # fs-verity keeps its tree of hashes behind a file's end
        inside = run.length
        if node.flags & ondisk.EXT4_VERITY_FL:
            inside = min(max(0, end - run.logical_block), run.length)
        yield Claim(run.block, inside, kind)
        yield Claim(run.block + inside, run.length - inside, "verity")
    own = kind if kind == "journal" else "indexes"
    yield from (Claim(block, 1, own) for block in mapping.own_blocks)
    if node.xattr_block:
        yield Claim(node.xattr_block, 1, "attributes")


def _kind(reader: Ext4Reader, node: Inode) -> str:
    fields = reader.layout.fields
    quotas = ("s_usr_quota_inum", "s_grp_quota_inum", "s_prj_quota_inum")
    special = {
        ondisk.EXT4_BAD_INO: "bad",
        **{fields[name]: "quota" for name in quotas},
        fields["s_orphan_file_inum"]: "orphan file",
        fields["s_journal_inum"]: "journal",
    }
    if node.ino in special:
        return special[node.ino]
    if node.flags & ondisk.EXT4_EA_INODE_FL:
        return "attributes"
    return "directories" if stat.S_ISDIR(node.mode) else "data"
