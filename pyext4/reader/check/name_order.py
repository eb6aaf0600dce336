"""Check that the hash tree of a directory leads to each of its names."""

from __future__ import annotations

from pyext4.errors import DamagedError
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.inodes import Inode
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.directory_entries import directory_blocks, is_indexed, leaf_entries
from pyext4.reader.files.hashtree import read_index

__all__ = ["check_hashes"]


def check_hashes(image: Image, node: Inode) -> None:
    """Hash every name of an indexed directory; ignore other directories.

    Raises:
        DamagedError: a name is in a block that its hash doesn't lead to, or the index is damaged.
    """
    if node.inline or not is_indexed(image, node):
        return
    blocks = directory_blocks(image, node, map_blocks(image, node))
    tree = read_index(image, node, blocks)
    for leaf in tree.leaves:
        for entry in leaf_entries(image, node, leaf.block, image.blocks(blocks[leaf.block])):
            value = tree.hash_of(entry.name)
            if not leaf.holds(value):
                reason = f"{entry.name!r} with hash {value:#010x} is in block {leaf.block}"
                raise DamagedError("directory", node.ino, reason)
