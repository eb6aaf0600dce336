"""Pack nodes and their places into rows, and rows, a batch at a time, into inode tables."""

from __future__ import annotations

import operator
import stat
import struct
from array import array
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyext4 import native
from pyext4.errors import ContentError
from pyext4.native.rows import FIRST_TIME_NS, INODE_ROW, InodeRow
from pyext4.numbers import ceil_div
from pyext4.ondisk.inode import (
    EXT4_EXTENTS_FL,
    EXT4_INDEX_FL,
    EXT4_INLINE_DATA_FL,
    EXT4_LINK_MAX,
    EXT4_ROOT_INO,
)
from pyext4.space.geometry import FIRST_INO, Geometry
from pyext4.space.runs import Contents, Extent, from_runs
from pyext4.structures import checksum, extents
from pyext4.structures.extents import EMPTY_ROOT, single
from pyext4.tree import Device, Directory, Fifo, File, Node, Symlink
from pyext4.writing.attribute_blocks import I_BLOCK_BYTES, Attributes
from pyext4.writing.layout import Layout
from pyext4.writing.survey import Survey

__all__ = ["IN_INODE_LINK", "Tables"]

IN_INODE_LINK = 59  # bytes of a target that i_block holds with a NUL after it
_BATCH_INODES = 4096
_NO_MAP = bytes(60)


def _encode_device(major: int, minor: int) -> bytes:
    """Return i_block: the old form for small numbers, else the new one in the second word."""
    if major < 256 and minor < 256:
        return struct.pack("<I56x", major << 8 | minor)
    return struct.pack("<II52x", 0, minor & 0xFF | major << 8 | (minor & ~0xFF) << 12)


class Tables(NamedTuple):
    """Everything that the inode tables are made from."""

    geometry: Geometry
    survey: Survey
    layout: Layout
    attributes: Attributes
    contents: Contents
    fragmented: Mapping[int, list[Extent]]
    directory_blocks: array[int]
    indexed: frozenset[int]  # directories, by their number in the survey
    nameless: Mapping[int, bytes]  # inode number -> row
    fs_seed: int | None
    path_of: Callable[[Node], bytes]

    def write(self, emit: Callable[[int, bytearray], None]) -> list[tuple[int, bytes]]:
        """Pass (first block, whole blocks) of the tables to `emit`; return the extent blocks.

        Raises:
            ContentError: an inode can't hold what its node says.
        """
        geometry = self.geometry
        last_ino = max((self.survey.ino_of(len(self.survey.nodes) - 1), *self.nameless))
        per_block = geometry.block_size // geometry.inode_size
        packer = _RowPacker(self)
        for group in range(geometry.groups):
            group_ino = group * geometry.inodes_per_group + 1
            stop = min(group_ino + geometry.inodes_per_group, last_ino + 1)
            for first in range(group_ino, stop, _BATCH_INODES):
                count = min(_BATCH_INODES, stop - first)
                rows, xattrs = packer.rows(first, count)
                table = bytearray(ceil_div(count, per_block) * geometry.block_size)
                bad = native.inode_table(
                    table,
                    inode_size=geometry.inode_size,
                    first_ino=first,
                    rows=rows,
                    xattrs=xattrs,
                    fs_seed=self.fs_seed,
                )
                if bad is not None:
                    ino = InodeRow.at(rows, bad).ino
                    raise self.bad_time(self.survey.nodes[self.survey.index_of(ino)])
                block = self.layout.inode_tables[group] + (first - group_ino) // per_block
                emit(block, table)
        return packer.tree_blocks

    def bad_time(self, node: Node) -> ContentError:
        """Return the error for a node with a time that is out of range."""
        reason = "ext4 holds times from 1901 to 2446, but one of its times is outside that range"
        return ContentError(self.path_of(node), reason)


class _RowPacker:
    """Packs nodes into rows; collects the blocks of extent trees on the way."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._sectors = tables.geometry.block_size // 512
        self.tree_blocks: list[tuple[int, bytes]] = []
        # node -> its number among the directories, plus one
        self._numbers = array("I", bytes(4 * len(tables.survey.nodes)))
        for number, node in enumerate(tables.survey.directories, 1):
            self._numbers[node] = number

    def rows(self, first_ino: int, count: int) -> tuple[bytearray, bytearray]:
        """Return the packed rows of the inodes in use, and the in-inode attributes."""
        rows, xattrs = bytearray(), bytearray()
        tables = self._tables
        end = first_ino + count
        for ino, row in sorted(tables.nameless.items()):
            if first_ino <= ino < end:
                rows += row
        if first_ino <= EXT4_ROOT_INO < end:
            self._pack(0, 1, rows, xattrs)
        first = tables.survey.index_of(max(first_ino, FIRST_INO))
        last = min(tables.survey.index_of(end), len(tables.survey.nodes))
        self._pack(first, last, rows, xattrs)
        return rows, xattrs

    def _pack(self, first: int, last: int, rows: bytearray, xattrs: bytearray) -> None:
        tables = self._tables
        nodes, links = tables.survey.nodes, tables.survey.links
        in_inode, block_of = tables.attributes.in_inode, tables.attributes.block_of
        pack = INODE_ROW.pack
        for ino, index in enumerate(range(first, last), tables.survey.ino_of(first)):
            node = nodes[index]
            meta = node.meta
            if type(node) is File:
                kind, size = stat.S_IFREG, node.size
                flags, blocks, i_block = self._file(index)
            else:
                kind, size, flags, blocks, i_block = self._other(index, node)
            file_acl = xattr_offset = xattr_length = 0
            if meta.xattrs or index in in_inode:
                if index in block_of:
                    file_acl = tables.layout.attributes[block_of[index]]
                    shared = tables.attributes.blocks[block_of[index]]
                    blocks += shared.blocks(tables.geometry.block_size)
                if index in in_inode:
                    xattr_offset, xattr_length = len(xattrs), len(in_inode[index])
                    xattrs += in_inode[index]
            atime, ctime, crtime = meta.atime_ns, meta.ctime_ns, meta.crtime_ns
            mtime = meta.mtime_ns - FIRST_TIME_NS
            count = links[index]
            try:
                rows += pack(
                    mtime if atime is None else atime - FIRST_TIME_NS,
                    mtime if ctime is None else ctime - FIRST_TIME_NS,
                    mtime,
                    mtime if crtime is None else crtime - FIRST_TIME_NS,
                    size, blocks * self._sectors, file_acl,
                    ino,
                    meta.uid, meta.gid, flags, 0, xattr_offset,
                    xattr_length, kind | meta.mode, count if count <= EXT4_LINK_MAX else 1,
                    i_block,
                )  # fmt: skip
            except struct.error:
                for time in (meta.mtime_ns, meta.atime_ns, meta.ctime_ns, meta.crtime_ns):
                    operator.index(time or 0)  # a TypeError if it is not an integer
                raise tables.bad_time(node) from None

    def _file(self, index: int) -> tuple[int, int, bytes]:
        """Return flags, blocks and i_block of a regular file."""
        own = self._tables.contents.extents[index]
        if not own:
            inline = self._tables.contents.inline.get(index)
            if inline is not None:
                return EXT4_INLINE_DATA_FL, 0, inline[:I_BLOCK_BYTES]
            return EXT4_EXTENTS_FL, 0, EMPTY_ROOT
        pieces = self._tables.fragmented.get(index)
        if pieces is not None:
            return EXT4_EXTENTS_FL, *self._tree(index, pieces)
        logical, start, blocks = own[0]
        return EXT4_EXTENTS_FL, blocks, single(logical, start, blocks)

    def _tree(self, index: int, pieces: list[Extent]) -> tuple[int, bytes]:
        """Return blocks and i_block of an inode with an extent tree."""
        tables = self._tables
        own = tables.layout.trees.get(index, [])
        seed = tables.fs_seed
        if own and seed is not None:
            seed = checksum.inode_seed(seed, tables.survey.ino_of(index))
        i_block, written = extents.tree(
            pieces, own, block_size=tables.geometry.block_size, seed=seed
        )
        self.tree_blocks += written
        return sum(piece.blocks for piece in pieces) + len(own), i_block

    def _other(self, index: int, node: Node) -> tuple[int, int, int, int, bytes]:
        """Return type, size, flags, blocks and i_block of anything but a regular file."""
        tables = self._tables
        if isinstance(node, Directory):
            number = self._numbers[index] - 1
            flags = EXT4_EXTENTS_FL | (EXT4_INDEX_FL if number in tables.indexed else 0)
            blocks = tables.directory_blocks[number]
            size = blocks * tables.geometry.block_size
            runs = tables.layout.cut_directories.get(number)
            if runs is None:
                start = tables.layout.directories[number]
                return stat.S_IFDIR, size, flags, blocks, single(0, start, blocks)
            blocks, i_block = self._tree(index, extents.split(from_runs(runs)))
            return stat.S_IFDIR, size, flags, blocks, i_block
        if isinstance(node, Symlink):
            size = len(node.target)
            block = tables.layout.links.get(index)
            if block is None:
                return stat.S_IFLNK, size, 0, 0, node.target
            return stat.S_IFLNK, size, EXT4_EXTENTS_FL, 1, single(0, block, 1)
        if isinstance(node, Device):
            return node.kind, 0, 0, 0, _encode_device(node.major, node.minor)
        kind = stat.S_IFIFO if isinstance(node, Fifo) else stat.S_IFSOCK
        return kind, 0, 0, 0, _NO_MAP
