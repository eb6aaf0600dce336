"""A directory's entries, read from its blocks or from inside its inode.

A directory with a hash tree is read like any other: its index blocks look like empty entries to
code that doesn't know them. Only the kind of checksum depends on the kind of block.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (directory.rst).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Final, NamedTuple

from pyext4.errors import DamagedError
from pyext4.ondisk import dir_entry
from pyext4.ondisk.inode import EXT4_INDEX_FL, EXT4_INLINE_DOTDOT_SIZE
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import ext4_crc
from pyext4.reader.disk.block_map import Mapping, map_blocks
from pyext4.reader.disk.inodes import Inode
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.hashtree import read_index
from pyext4.reader.files.inode_xattrs import inline_rest

__all__ = [
    "FILE_TYPES",
    "Entry",
    "directory_blocks",
    "is_indexed",
    "leaf_entries",
    "read_directory",
]

_ENTRY: Final = Packer(dir_entry.DirEntry2)
_TAIL: Final = Packer(dir_entry.DirEntryTail)

FILE_TYPES: Final = {
    stat.S_IFREG: dir_entry.EXT4_FT_REG_FILE,
    stat.S_IFDIR: dir_entry.EXT4_FT_DIR,
    stat.S_IFCHR: dir_entry.EXT4_FT_CHRDEV,
    stat.S_IFBLK: dir_entry.EXT4_FT_BLKDEV,
    stat.S_IFIFO: dir_entry.EXT4_FT_FIFO,
    stat.S_IFSOCK: dir_entry.EXT4_FT_SOCK,
    stat.S_IFLNK: dir_entry.EXT4_FT_SYMLINK,
}
"""file_type of an entry -> type of the inode."""


class Entry(NamedTuple):
    """One name; `file_type` is EXT4_FT_UNKNOWN if the filesystem doesn't keep it."""

    name: bytes
    ino: int
    file_type: int


def read_directory(image: Image, node: Inode) -> list[Entry]:
    """Return all entries in the order of the disk, `.` and `..` first.

    Raises:
        DamagedError: a checksum or an entry is wrong, a name is impossible or occurs twice.
    """
    entries = list(_inline(image, node)) if node.inline else list(_outside(image, node))
    if [entry.name for entry in entries[:2]] != [b".", b".."] or entries[0].ino != node.ino:
        raise _damaged(node, "doesn't begin with itself and its parent")
    names = {entry.name for entry in entries}
    if len(names) != len(entries):
        raise _damaged(node, "a name twice")
    for entry in entries[2:]:
        if entry.name in (b".", b"..") or b"/" in entry.name or b"\0" in entry.name:
            raise _damaged(node, f"impossible name {entry.name!r}")
    return entries


def is_indexed(image: Image, node: Inode) -> bool:
    """Tell whether a directory has a hash tree."""
    return bool(node.flags & EXT4_INDEX_FL) and "dir_index" in image.layout.features


def directory_blocks(image: Image, node: Inode, mapping: Mapping) -> list[int]:
    """Return the block of each of a directory's logical blocks; DamagedError for a hole."""
    blocks: list[int] = []
    for run in mapping.runs:
        if run.logical_block != len(blocks) or run.unwritten:
            raise _damaged(node, f"a hole at block {len(blocks)}")
        blocks.extend(range(run.block, run.block + run.length))
    if len(blocks) * image.layout.block_size != node.size or not blocks:
        raise _damaged(node, f"{len(blocks)} blocks, but {node.size} bytes")
    return blocks


def leaf_entries(image: Image, node: Inode, logical: int, data: bytes) -> Iterator[Entry]:
    """Yield the entries of a block that is not an index block; raises as `read_directory` does."""
    end = len(data)
    if image.layout.checksummed:
        end -= _TAIL.size
        _check_tail(node, logical, data, end)
    return _parse(image, node, data[:end], f"block {logical}")


def _outside(image: Image, node: Inode) -> Iterator[Entry]:
    blocks = directory_blocks(image, node, map_blocks(image, node))
    index_blocks: set[int] = set()
    if is_indexed(image, node):
        index_blocks = read_index(image, node, blocks).index_blocks
    for logical, block in enumerate(blocks):
        data = image.blocks(block)
        if logical in index_blocks:
            yield from _parse(image, node, data, f"block {logical}")
        else:
            yield from leaf_entries(image, node, logical, data)


def _inline(image: Image, node: Inode) -> Iterator[Entry]:
    """Yield the entries in i_block, after the parent's number, and those in system.data."""
    yield Entry(b".", node.ino, dir_entry.EXT4_FT_DIR)
    parent = int.from_bytes(node.i_block[:EXT4_INLINE_DOTDOT_SIZE], "little")
    yield Entry(b"..", parent, dir_entry.EXT4_FT_DIR)
    yield from _parse(image, node, node.i_block[EXT4_INLINE_DOTDOT_SIZE:], "in the inode")
    rest = inline_rest(image, node)
    if rest:
        yield from _parse(image, node, rest, "in system.data")


def _parse(image: Image, node: Inode, data: bytes, where: str) -> Iterator[Entry]:
    types = "filetype" in image.layout.features
    at = 0
    while at < len(data):
        if at + _ENTRY.size > len(data):
            raise _damaged(node, f"{where}: an entry at {at} beyond the end")
        fields = _ENTRY.unpack(data, at)
        length, name_length = _length(fields["rec_len"], len(data)), fields["name_len"]
        least = _ENTRY.size + (name_length if fields["inode"] else 0)
        if length % dir_entry.EXT4_DIR_ROUND or not least <= length <= len(data) - at:
            raise _damaged(node, f"{where}: an entry at {at} of {length} bytes")
        if fields["inode"]:
            name = data[at + _ENTRY.size : at + _ENTRY.size + name_length]
            if not name or fields["inode"] > image.layout.inodes_count:
                raise _damaged(node, f"{where}: {name!r} leads to inode {fields['inode']}")
            yield Entry(name, fields["inode"], fields["file_type"] & 0xF if types else 0)
        at += length


def _length(rec_len: int, room: int) -> int:
    # 16 bits can't say 65536, which only a block of that size needs
    if room > 1 << 15 and rec_len in (0, dir_entry.EXT4_MAX_REC_LEN):
        return room
    return (rec_len & 0xFFFC) | (rec_len & 3) << 16 if room > 1 << 15 else rec_len


def _check_tail(node: Inode, logical: int, data: bytes, end: int) -> None:
    tail = _TAIL.unpack(data, end)
    stated = tail.pop("det_checksum")
    if tail != {
        "det_reserved_zero1": 0,
        "det_rec_len": _TAIL.size,
        "det_reserved_zero2": 0,
        "det_reserved_ft": dir_entry.EXT4_FT_DIR_CSUM,
    }:
        raise _damaged(node, f"block {logical}: no checksum")
    expected = ext4_crc(node.csum_seed, data[:end])
    if stated != expected:
        reason = f"block {logical}: checksum is {stated:#010x}, expected {expected:#010x}"
        raise _damaged(node, reason)


def _damaged(node: Inode, reason: str) -> DamagedError:
    return DamagedError("directory", node.ino, reason)
