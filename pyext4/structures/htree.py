"""Indexed directories: entries sorted by hash into leaves, and the tree of hashes above them.

The directory's first block is the root: `.` and `..`, made so that an old kernel sees nothing
else in it, then one entry (hash, block) for each child. If it has no room for all leaves, there
is a level of nodes in between. The first entry of an index block has no hash; limit and count
take its place. If entries with one hash continue in the next leaf, that leaf's hash has bit 0 set.

Source: fs/ext4/namei.c (dx_root, dx_node), Documentation/filesystems/ext4/directory.rst.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from pyext4 import native
from pyext4.native.rows import Names
from pyext4.numbers import ceil_div
from pyext4.ondisk.dir_entry import (
    EXT4_FT_DIR,
    DirEntry2,
    DirEntryTail,
    DxCountLimit,
    DxEntry,
    DxRootInfo,
    DxTail,
)
from pyext4.packer import Packer

__all__ = ["HtreeFullError", "Index", "build_index", "fill"]

_ENTRY = Packer(DirEntry2)
_ROOT_INFO = Packer(DxRootInfo, zero=("reserved_zero", "unused_flags"))
_DX_ENTRY = Packer(DxEntry)
_COUNT_LIMIT = Packer(DxCountLimit)
_TAIL = Packer(DxTail, zero=("dt_reserved",))
_LEAF_TAIL_BYTES = Packer(DirEntryTail).size

_DOT_BYTES = 12  # an entry with a name of up to 4 bytes
_ROOT_ENTRIES = 2 * _DOT_BYTES + _ROOT_INFO.size  # where the root's DxEntry array begins
_NODE_ENTRIES = _ENTRY.size


class HtreeFullError(Exception):
    """A directory has more leaves than two levels of index can hold."""


class Index(NamedTuple):
    """How one directory's entries are spread over its blocks: root, nodes, leaves."""

    order: array[int]  # entries by hash
    starts: array[int]  # leaf i holds order[starts[i]:starts[i + 1]]
    hashes: array[int]  # lowest hash of each leaf, with the continuation bit
    nodes: int  # index blocks between root and leaves

    @property
    def leaves(self) -> int:
        """Count of leaves."""
        return len(self.hashes)

    @property
    def blocks(self) -> int:
        """Count of all blocks."""
        return 1 + self.nodes + self.leaves


class _Child(NamedTuple):
    """One DxEntry: the lowest hash below a block of the directory, and the block."""

    hash: int
    block: int


def _limits(block_size: int, *, csum: bool) -> tuple[int, int]:
    """Return how many entries a root and a node hold."""
    room = block_size - (_TAIL.size if csum else 0)
    return (room - _ROOT_ENTRIES) // _DX_ENTRY.size, (room - _NODE_ENTRIES) // _DX_ENTRY.size


def build_index(names: Names, *, version: int, seed: bytes, block_size: int, csum: bool) -> Index:
    """Sort the entries of a directory into leaves.

    Raises:
        HtreeFullError: there are too many.
    """
    keys = native.hash_names(names, version, seed)
    order = array("I", sorted(range(len(keys)), key=keys.__getitem__))
    capacity = block_size - (_LEAF_TAIL_BYTES if csum else 0)
    records = bytes((length + 11) // 4 for length in names.lengths)  # in units of 4 bytes
    starts, hashes = array("I"), array("I")
    room = 0
    last = -1
    for position, entry in enumerate(order):
        record = records[entry] * 4
        if record > room:
            major = keys[entry] >> 32
            starts.append(position)
            hashes.append(major | (major == last))
            room = capacity
        room -= record
        last = keys[entry] >> 32
    starts.append(len(order))
    in_root, in_node = _limits(block_size, csum=csum)
    nodes = 0 if len(hashes) <= in_root else ceil_div(len(hashes), in_node)
    if nodes > in_root:
        raise HtreeFullError
    return Index(order=order, starts=starts, hashes=hashes, nodes=nodes)


def fill(
    index: Index,
    names: Names,
    *,
    block_size: int,
    ino: int,
    parent_ino: int,
    version: int,
    fs_seed: int | None,
    inode_seed: int | None,
) -> bytearray:
    """Return all blocks of an indexed directory; the seeds are None without metadata_csum."""
    csum = inode_seed is not None
    out = bytearray(index.blocks * block_size)
    view = memoryview(out)
    first_leaf = 1 + index.nodes
    children = [_Child(lowest, first_leaf + i) for i, lowest in enumerate(index.hashes)]
    in_root, in_node = _limits(block_size, csum=csum)
    if index.nodes:
        above: list[_Child] = []
        for node in range(index.nodes):
            part = children[node * in_node : (node + 1) * in_node]
            block = view[(1 + node) * block_size : (2 + node) * block_size]
            _ENTRY.pack_into(block, 0, inode=0, rec_len=block_size, name_len=0, file_type=0)
            _put_entries(block, _NODE_ENTRIES, part, in_node, inode_seed)
            above.append(_Child(part[0].hash, 1 + node))
        children = above
    root = view[:block_size]
    _ENTRY.pack_into(root, 0, inode=ino, rec_len=_DOT_BYTES, name_len=1, file_type=EXT4_FT_DIR)
    root[_ENTRY.size : _ENTRY.size + 1] = b"."
    _ENTRY.pack_into(
        root,
        _DOT_BYTES,
        inode=parent_ino,
        rec_len=block_size - _DOT_BYTES,
        name_len=2,
        file_type=EXT4_FT_DIR,
    )
    root[_DOT_BYTES + _ENTRY.size : _DOT_BYTES + _ENTRY.size + 2] = b".."
    _ROOT_INFO.pack_into(
        root,
        2 * _DOT_BYTES,
        hash_version=version,
        info_length=_ROOT_INFO.size,
        indirect_levels=1 if index.nodes else 0,
    )
    _put_entries(root, _ROOT_ENTRIES, children, in_root, inode_seed)
    native.index_leaves(
        view[first_leaf * block_size :],
        block_size=block_size,
        order=index.order,
        starts=index.starts,
        names=names,
        fs_seed=fs_seed,
        ino=ino,
    )
    return out


def _put_entries(
    block: memoryview,
    offset: int,
    children: Sequence[_Child],
    limit: int,
    seed: int | None,
) -> None:
    at = offset
    for child in children:
        _DX_ENTRY.pack_into(block, at, hash=child.hash, block=child.block)
        at += _DX_ENTRY.size
    _COUNT_LIMIT.pack_into(block, offset, limit=limit, count=len(children))
    if seed is not None:
        tail = offset + limit * _DX_ENTRY.size
        crc = native.crc32c(seed, block[:at])
        crc = native.crc32c(crc, bytes(_TAIL.size))
        _TAIL.pack_into(block, tail, dt_checksum=crc)
