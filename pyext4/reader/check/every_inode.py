"""What a full check learns about every inode, before anything is compared.

Each inode in use is read once, with everything that it leads to. Problems are noted, and the
survey goes on with the next inode.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pyext4.errors import DamagedError
from pyext4.numbers import MAX_32, NS_PER_SECOND, ceil_div
from pyext4.ondisk import inode as ondisk
from pyext4.packer import Packer
from pyext4.reader.check.claims import Claims
from pyext4.reader.check.group_metadata import group_metadata
from pyext4.reader.check.name_order import check_hashes
from pyext4.reader.check.orphan_inode import check_orphan_file
from pyext4.reader.check.resize_inode import check_resize_inode
from pyext4.reader.disk.block_map import Mapping, map_blocks
from pyext4.reader.disk.inodes import KINDS, Inode, parse_inode
from pyext4.reader.disk.open_image import Group, Image
from pyext4.reader.files.directory_entries import Entry, read_directory
from pyext4.reader.files.file_contents import open_node, read_target
from pyext4.reader.files.inode_xattrs import read_attributes, xattr_block

__all__ = ["Known", "Survey", "take_survey"]

_MOST_CLAIMS: Final = 4  # of a block, on average
_LINKS_AT: Final = Packer(ondisk.Inode128).offsets["i_links_count"]


@dataclass(frozen=True, slots=True)
class Known:
    """What later steps need to know about an inode."""

    kind: int  # stat.S_IFREG, ...
    links: int
    value_references: int | None  # of an ea_inode


@dataclass(slots=True)
class Survey:
    """All findings; inode numbers are the keys."""

    image: Image
    problems: list[DamagedError] = field(default_factory=list)
    claims: Claims = field(default_factory=Claims)
    known: dict[int, Known] = field(default_factory=dict)
    inodes_in_use: dict[int, int] = field(default_factory=dict)  # group -> bits
    names: dict[int, list[Entry]] = field(default_factory=dict)  # of directories
    xattr_blocks: Counter[int] = field(default_factory=Counter)  # block -> inodes that use it
    value_users: Counter[int] = field(default_factory=Counter)  # ea_inode -> uses

    def note(self, structure: str, number: int, reason: str) -> None:
        """Note a problem."""
        self.problems.append(DamagedError(structure, number, reason))


def take_survey(image: Image) -> Survey:
    """Read all metadata of the image; `problems` lists the damage.

    Raises:
        DamagedError: the damage is too great to go on.
    """
    survey = Survey(image)
    # each has one user; many blocks with several users would take too long
    most = _MOST_CLAIMS * image.layout.blocks_count
    for number in range(image.layout.groups_count):
        for first, length, what in group_metadata(image, number):
            survey.claims.add(first, length, what)
        try:
            raw_inodes = list(_inodes_in_use(survey, image.group(number)))
        except DamagedError as error:
            survey.problems.append(error)
            continue
        for ino, raw in raw_inodes:
            _look_at(survey, ino, raw)
            if survey.claims.total > most:
                raise DamagedError("inode", ino, "uses blocks twice, more than the filesystem has")
    return survey


def _inodes_in_use(survey: Survey, group: Group) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of each inode of a group that its bitmap marks as in use."""
    image, layout = survey.image, survey.image.layout
    if group.inode_uninit:
        survey.inodes_in_use[group.number] = 0
        return
    bitmap = int.from_bytes(image.inode_bitmap(group), "little")
    padding = (1 << 8 * layout.block_size) - (1 << layout.inodes_per_group)
    if bitmap & padding != padding:
        survey.note("inode bitmap", group.number, "bits beyond its end are not set")
    bits = survey.inodes_in_use[group.number] = bitmap & ~padding
    ever_used = layout.inodes_per_group - group.itable_unused
    if ever_used < 0:
        survey.note("group", group.number, f"more unused inodes than it has: {group.itable_unused}")
        ever_used = 0
    if bits >> ever_used:
        survey.note("group", group.number, "an inode in use is in the unused part of the table")
        ever_used = bits.bit_length()
    size = layout.inode_size
    table = image.bytes_at(group.inode_table * layout.block_size, ever_used * size)
    first = group.number * layout.inodes_per_group + 1
    for index in range(ever_used):
        raw = table[index * size : (index + 1) * size]
        if bits >> index & 1:
            yield first + index, raw
        elif raw[_LINKS_AT] or raw[_LINKS_AT + 1]:
            survey.note("inode", first + index, "has links, but is free in the bitmap")


def _look_at(survey: Survey, ino: int, raw: bytes) -> None:
    layout = survey.image.layout
    reserved = ino < layout.first_ino and ino != ondisk.EXT4_ROOT_INO
    try:
        node = parse_inode(layout, ino, raw)
        if node.kind in KINDS:
            # first: without it the counts can't be compared either
            survey.known[ino] = Known(node.kind, node.links, _value_references(node))
        elif not reserved:
            survey.note("inode", ino, f"mode is {node.mode:#o}")
        mapping = map_blocks(survey.image, node)
        if ino == ondisk.EXT4_RESIZE_INO and "resize_inode" in layout.features:
            survey.claims.add(check_resize_inode(survey.image, mapping), 1, "the resize inode")
            return
        _claim(survey, node, mapping)
        value_sectors = _check_attributes(survey, node)
        _check_sectors(survey, node, mapping, value_sectors)
        _check_size(survey, node, mapping)
        _check_content(survey, node)
    except DamagedError as error:
        survey.problems.append(error)


def _value_references(node: Inode) -> int | None:
    """Return an ea_inode's reference count, which is in its change time and version."""
    if not node.flags & ondisk.EXT4_EA_INODE_FL:
        return None
    high = node.ctime_ns // NS_PER_SECOND & MAX_32
    return high << 32 | node.version & MAX_32


def _claim(survey: Survey, node: Inode, mapping: Mapping) -> None:
    owner = f"inode {node.ino}"
    for run in mapping.runs:
        survey.claims.add(run.block, run.length, owner)
    for block in mapping.own_blocks:
        survey.claims.add(block, 1, owner)


def _check_sectors(survey: Survey, node: Inode, mapping: Mapping, value_sectors: int) -> None:
    blocks = mapping.data_blocks + len(mapping.own_blocks) + bool(node.xattr_block)
    sectors = blocks * (survey.image.layout.block_size // 512) + value_sectors
    if node.sectors != sectors:
        survey.note("inode", node.ino, f"i_blocks is {node.sectors}, expected {sectors}")


def _check_attributes(survey: Survey, node: Inode) -> int:
    """Note which blocks and ea_inodes are used; return the sectors of values in ea_inodes.

    i_blocks counts each value that an attribute refers to, even if others refer to it too.
    """
    block_size = survey.image.layout.block_size
    sectors = 0
    first_user = False
    if node.xattr_block:
        first_user = node.xattr_block not in survey.xattr_blocks
        survey.xattr_blocks[node.xattr_block] += 1
        if first_user:
            survey.claims.add(node.xattr_block, 1, f"the attributes of inode {node.ino}")
            xattr_block(survey.image, node.xattr_block)
    for attribute in read_attributes(survey.image, node):
        if attribute.value_ino:
            sectors += ceil_div(len(attribute.value), block_size) * (block_size // 512)
        # inodes that share a block share its one reference to a value
        if attribute.value_ino and (first_user or not attribute.in_block):
            survey.value_users[attribute.value_ino] += 1
    return sectors


def _check_size(survey: Survey, node: Inode, mapping: Mapping) -> None:
    if node.kind != stat.S_IFREG or node.flags & ondisk.EXT4_VERITY_FL:
        return
    written = [run for run in mapping.runs if not run.unwritten]
    if not written:
        return
    end = written[-1].logical_block + written[-1].length
    if end > ceil_div(node.size, survey.image.layout.block_size):
        survey.note("inode", node.ino, f"size is {node.size}, but block {end - 1} is written")


def _check_content(survey: Survey, node: Inode) -> None:
    image = survey.image
    if node.kind == stat.S_IFDIR:
        survey.names[node.ino] = read_directory(image, node)
        check_hashes(image, node)
    elif node.kind == stat.S_IFLNK:
        read_target(image, node)
    elif node.inline:
        open_node(image, node).close()
    elif _is_orphan_file(image, node):
        check_orphan_file(image, node)


def _is_orphan_file(image: Image, node: Inode) -> bool:
    if "orphan_file" not in image.layout.features:
        return False
    return bool(node.ino == image.layout.fields["s_orphan_file_inum"])
