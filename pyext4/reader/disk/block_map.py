"""Where an inode's content is: runs of blocks, from an extent tree or an ext2 block map.

An extent tree begins in i_block and is walked to its leaves, and each block is verified. A block
map is 12 block numbers in i_block and up to three levels of blocks of numbers after them. Both
become runs in ascending order, without holes, and with adjacent blocks of a map joined.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (ifork.rst, blockmap.rst).
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pyext4.errors import DamagedError
from pyext4.ondisk import extent, inode
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import ext4_crc
from pyext4.reader.disk.inodes import Inode
from pyext4.reader.disk.open_image import Image

__all__ = ["Mapping", "Run", "map_blocks"]

_HEADER: Final = Packer(extent.ExtentHeader)
_EXTENT: Final = Packer(extent.Extent)
_INDEX: Final = Packer(extent.ExtentIdx)
_TAIL: Final = Packer(extent.ExtentTail)

_MOST_SHARED: Final = 16  # a file may use this many times its filesystem's size


class Run(NamedTuple):
    """Blocks that follow each other in the file and on the disk; unwritten ones read as zero."""

    logical_block: int
    block: int
    length: int  # blocks
    unwritten: bool


@dataclass(slots=True)
class Mapping:
    """All of an inode's blocks."""

    runs: list[Run] = field(default_factory=list)  # ascending, apart
    own_blocks: list[int] = field(default_factory=list)  # blocks of the tree or of the map
    counted: int = 0  # of the runs so far

    @property
    def data_blocks(self) -> int:
        """Return the number of blocks in all runs."""
        return sum(run.length for run in self.runs)

    @property
    def end(self) -> int:
        """Return the logical block after the last run."""
        return self.runs[-1].logical_block + self.runs[-1].length if self.runs else 0


def map_blocks(image: Image, node: Inode) -> Mapping:
    """Find an inode's blocks.

    Raises:
        DamagedError: the tree or map is inconsistent, or leads out of the filesystem.
    """
    mapping = Mapping()
    kinds = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    if node.kind not in kinds and node.ino != inode.EXT4_BAD_INO:  # which has no type
        return mapping
    if node.inline or node.fast_symlink:
        return mapping
    if node.extents:
        _walk_extents(image, node, mapping)
    else:
        _walk_map(image, node, mapping)
    return mapping


def _count(image: Image, node: Inode, mapping: Mapping, blocks: int) -> None:
    """Refuse an inode with more blocks than the filesystem has.

    Blocks that are reached over and over could take years.
    """
    mapping.counted += blocks
    shared = "shared_blocks" in image.layout.features  # of equal content, made by Android
    if mapping.counted > image.layout.blocks_count * (_MOST_SHARED if shared else 1):
        raise _damaged(node, "more blocks than the filesystem has")


def _walk_extents(image: Image, node: Inode, mapping: Mapping) -> None:
    header = _header(node, node.i_block, "in the inode")
    if header["eh_depth"] > extent.EXT4_MAX_EXTENT_DEPTH:
        raise _damaged(node, f"depth is {header['eh_depth']}")
    # (buffer, depth, where, first logical block it may hold, first that it may not)
    stack = [(node.i_block, header["eh_depth"], "in the inode", 0, 1 << 32)]
    while stack:
        buffer, depth, where, low, high = stack.pop()
        header = _header(node, buffer, where)
        if header["eh_depth"] != depth:
            raise _damaged(node, f"{where}: depth is {header['eh_depth']}, expected {depth}")
        count = header["eh_entries"]
        if depth == 0:
            for number in range(count):
                run = _run(image, node, buffer, _HEADER.size + number * _EXTENT.size)
                if not low <= run.logical_block <= high - run.length:
                    raise _damaged(node, f"{where}: extent {number} out of order")
                low = run.logical_block + run.length
                mapping.runs.append(run)
                _count(image, node, mapping, run.length)
            continue
        if count == 0:
            raise _damaged(node, f"{where}: an index without entries")
        entries = [
            _INDEX.unpack(buffer, _HEADER.size + number * _INDEX.size) for number in range(count)
        ]
        starts = [entry["ei_block"] for entry in entries] + [high]
        # a block of the tree may not lead to itself: depth falls with each step
        for number in reversed(range(count)):
            if not low <= starts[number] < starts[number + 1]:
                raise _damaged(node, f"{where}: index entry {number} out of order")
            block = entries[number]["ei_leaf_lo"] | entries[number]["ei_leaf_hi"] << 32
            child = _tree_block(image, node, block)
            stack.append((child, depth - 1, f"block {block}", starts[number], starts[number + 1]))
            _take(image, node, mapping, block)


def _header(node: Inode, buffer: bytes, where: str) -> dict[str, int]:
    header = _HEADER.unpack(buffer)
    if header["eh_magic"] != extent.EXT4_EXT_MAGIC:
        raise _damaged(node, f"{where}: magic is {header['eh_magic']:#06x}")
    room = (len(buffer) - _HEADER.size) // _EXTENT.size
    if not header["eh_entries"] <= header["eh_max"] <= room:
        reason = f"{where}: {header['eh_entries']} entries of {header['eh_max']}, room for {room}"
        raise _damaged(node, reason)
    return header


def _tree_block(image: Image, node: Inode, block: int) -> bytes:
    _check_inside(image, node, block, 1)
    buffer = image.blocks(block)
    header = _header(node, buffer, f"block {block}")
    if image.layout.checksummed:
        end = _HEADER.size + header["eh_max"] * _EXTENT.size
        if end + _TAIL.size > len(buffer):
            raise _damaged(node, f"block {block}: no room for a checksum")
        stated = _TAIL.unpack(buffer, end)["et_checksum"]
        expected = ext4_crc(node.csum_seed, buffer[:end])
        if stated != expected:
            reason = f"block {block}: checksum is {stated:#010x}, expected {expected:#010x}"
            raise _damaged(node, reason)
    return buffer


def _run(image: Image, node: Inode, buffer: bytes, offset: int) -> Run:
    entry = _EXTENT.unpack(buffer, offset)
    length = entry["ee_len"]
    unwritten = length > extent.EXT_INIT_MAX_LEN
    if unwritten:
        length -= extent.EXT_INIT_MAX_LEN
    block = entry["ee_start_lo"] | entry["ee_start_hi"] << 32
    if length == 0:
        raise _damaged(node, f"empty extent at logical block {entry['ee_block']}")
    _check_inside(image, node, block, length)
    return Run(entry["ee_block"], block, length, unwritten)


def _walk_map(image: Image, node: Inode, mapping: Mapping) -> None:
    numbers = struct.unpack("<15I", node.i_block)
    per_block = image.layout.block_size // 4
    logical = 0
    for slot, block in enumerate(numbers):
        level = max(0, slot - inode.EXT4_NDIR_BLOCKS + 1)
        # still to follow: (block, levels of numbers below it, its first logical block)
        stack = [(block, level, logical)]
        while stack:
            found, height, at = stack.pop()
            if found == 0:
                continue
            _check_inside(image, node, found, 1)
            if height == 0:
                _count(image, node, mapping, 1)
                _append(mapping.runs, at, found)
                continue
            _take(image, node, mapping, found)
            children = struct.unpack(f"<{per_block}I", image.blocks(found))
            step = per_block ** (height - 1)
            stack.extend(
                (child, height - 1, at + index * step)
                for index, child in reversed(list(enumerate(children)))
                if child
            )
        logical += per_block**level


def _take(image: Image, node: Inode, mapping: Mapping, block: int) -> None:
    # blocks that lead to each other over and over could take years
    if len(mapping.own_blocks) >= image.layout.blocks_count:
        raise _damaged(node, "more blocks of the tree than the filesystem has")
    mapping.own_blocks.append(block)


def _append(runs: list[Run], logical: int, block: int) -> None:
    if runs:
        last = runs[-1]
        follows = last.logical_block + last.length, last.block + last.length
        if (logical, block) == follows:
            runs[-1] = last._replace(length=last.length + 1)
            return
    runs.append(Run(logical, block, 1, unwritten=False))


def _check_inside(image: Image, node: Inode, block: int, length: int) -> None:
    layout = image.layout
    if not layout.first_data_block < block <= layout.blocks_count - length:
        raise _damaged(node, f"leads out of the filesystem, to block {block}")


def _damaged(node: Inode, reason: str) -> DamagedError:
    return DamagedError("extents of inode" if node.extents else "blocks of inode", node.ino, reason)
