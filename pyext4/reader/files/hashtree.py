"""The hash tree over a directory: its index blocks, and the range of hashes of each leaf.

The root is in block 0 after `.` and `..`; each entry of it or of an inner node names a block and
the first hash that belongs there. The lowest bit of that hash says that names with the same hash
continue from the block before.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (directory.rst),
fs/ext4/namei.c.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pyext4.errors import DamagedError
from pyext4.ondisk import dir_entry
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import dx_crc
from pyext4.reader.decode.name_hash import HashFunction, hash_function
from pyext4.reader.disk.inodes import Inode
from pyext4.reader.disk.open_image import Image

__all__ = ["HashTree", "Leaf", "read_index"]

_ENTRY: Final = Packer(dir_entry.DirEntry2)
_INFO: Final = Packer(dir_entry.DxRootInfo)
_DX: Final = Packer(dir_entry.DxEntry)
_COUNT: Final = Packer(dir_entry.DxCountLimit)
_TAIL: Final = Packer(dir_entry.DxTail)

_DOT_SIZE: Final = 12  # an entry with a name of 1 to 4 bytes
_INFO_AT: Final = 2 * _DOT_SIZE
_ROOT_ENTRIES_AT: Final = _INFO_AT + _INFO.size
_NODE_ENTRIES_AT: Final = _ENTRY.size
_NO_HIGHER: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Leaf:
    """A block of names whose hashes are `low` or more and `high` or less."""

    block: int  # logical
    low: int
    high: int

    def holds(self, value: int) -> bool:
        """Tell whether a lookup of this hash reads this block."""
        return self.low <= value <= self.high


@dataclass(slots=True)
class HashTree:
    """What the index says."""

    hash_of: HashFunction
    index_blocks: set[int] = field(default_factory=set)  # logical
    leaves: list[Leaf] = field(default_factory=list)  # ascending by hash


def read_index(image: Image, node: Inode, blocks: list[int]) -> HashTree:
    """Walk the index of the directory in `blocks`.

    Raises:
        DamagedError: a checksum, a count or the order is wrong, or a block is used twice.
    """
    root = image.blocks(blocks[0])
    info = _INFO.unpack(root, _INFO_AT)
    if info["info_length"] != _INFO.size or info["reserved_zero"] or info["unused_flags"]:
        raise _damaged(node, "no root of an index")
    large = "large_dir" in image.layout.features
    most = dir_entry.EXT4_HTREE_LEVEL if large else dir_entry.EXT4_HTREE_LEVEL_COMPAT
    levels = info["indirect_levels"]
    if levels >= most:
        raise _damaged(node, f"{levels} levels below the root")
    hash_of = hash_function(
        info["hash_version"], image.layout.hash_seed, unsigned=image.layout.hash_unsigned
    )
    if hash_of is None:
        raise _damaged(node, f"unknown hash {info['hash_version']}")
    tree = HashTree(hash_of)
    stack = [(0, levels, 0, _NO_HIGHER)]
    while stack:
        logical, level, low, high = stack.pop()
        _take(node, tree, blocks, logical)
        children = _children(image, node, logical, image.blocks(blocks[logical]))
        starts = [start for start, _ in children[1:]]
        lows, highs = [low, *starts], [*starts, high]
        ordered = [start & ~1 for start in (*lows, high)]
        if ordered != sorted(ordered):
            raise _damaged(node, f"index block {logical}: hashes out of order")
        ranges = list(zip((child for _, child in children), lows, highs, strict=True))
        if level:
            stack.extend(
                (child, level - 1, lowest, highest) for child, lowest, highest in ranges[::-1]
            )
            continue
        for child, lowest, highest in ranges:
            # names with the next block's first hash are here only if its lowest bit says so
            last = (highest & ~1) if highest & 1 else (highest & ~1) - 1
            tree.leaves.append(Leaf(child, lowest & ~1, last))
    _check_leaves(node, tree, len(blocks))
    return tree


def _take(node: Inode, tree: HashTree, blocks: list[int], logical: int) -> None:
    if logical >= len(blocks) or logical in tree.index_blocks:
        raise _damaged(node, f"index block {logical} doesn't exist or is used twice")
    tree.index_blocks.add(logical)


def _check_leaves(node: Inode, tree: HashTree, count: int) -> None:
    numbers = [leaf.block for leaf in tree.leaves]
    reached = tree.index_blocks.union(numbers)
    if len(reached) != len(numbers) + len(tree.index_blocks):
        raise _damaged(node, "a block is in the index twice")
    if reached != set(range(count)):
        raise _damaged(node, f"the index reaches {len(reached)} of {count} blocks")


def _children(image: Image, node: Inode, logical: int, data: bytes) -> list[tuple[int, int]]:
    """Return (lowest hash, logical block) of each child of an index block; verifies it."""
    at = _NODE_ENTRIES_AT if logical else _ROOT_ENTRIES_AT
    if logical and _ENTRY.unpack(data)["inode"]:
        raise _damaged(node, f"block {logical} is not an index block")
    limit, count = (_COUNT.unpack(data, at)[name] for name in ("limit", "count"))
    checksummed = image.layout.checksummed
    room = (len(data) - at - (_TAIL.size if checksummed else 0)) // _DX.size
    if limit != room or not 1 <= count <= limit:
        raise _damaged(node, f"index block {logical}: {count} entries of {limit}, room for {room}")
    if checksummed:
        stated = _TAIL.unpack(data, at + limit * _DX.size)["dt_checksum"]
        expected = dx_crc(node.csum_seed, data, at, count, limit)
        if stated != expected:
            reason = f"checksum is {stated:#010x}, expected {expected:#010x}"
            raise _damaged(node, f"index block {logical}: {reason}")
    entries = [_DX.unpack(data, at + number * _DX.size) for number in range(count)]
    return [(entry["hash"], entry["block"]) for entry in entries]


def _damaged(node: Inode, reason: str) -> DamagedError:
    return DamagedError("directory", node.ino, reason)
