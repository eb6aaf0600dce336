"""The content of an inode, whether it is in blocks or in the inode itself."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

from pyext4.errors import DamagedError
from pyext4.ondisk.inode import EXT4_MIN_INLINE_DATA_SIZE
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.inodes import Inode, read_inode
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.inode_xattrs import inline_rest
from pyext4.reader.files.streams import BlockStream, data_segments

__all__ = ["ImageContent", "open_node", "read_target", "segments"]

_STREAM_BUFFER_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class ImageContent:
    """A file's bytes as a tree's content; the image must be open while they are read."""

    image: Image
    ino: int

    def open(self, size: int) -> BinaryIO:
        """Open the file; raises DamagedError if it doesn't have `size` bytes."""
        node = read_inode(self.image, self.ino)
        if node.size != size:
            raise DamagedError("inode", self.ino, f"{node.size} bytes, expected {size}")
        return open_node(self.image, node)


def open_node(image: Image, node: Inode) -> BinaryIO:
    """Open the content of a file or symlink, seekable; the caller closes the stream.

    Raises:
        DamagedError: its blocks can't be found, or inline content isn't there.
    """
    if node.fast_symlink:
        return io.BytesIO(node.i_block[: node.size])
    if node.inline:
        return io.BytesIO(_inline_content(image, node))
    stream = BlockStream(image, node.size, map_blocks(image, node))
    return io.BufferedReader(stream, _STREAM_BUFFER_BYTES)


def read_target(image: Image, node: Inode) -> bytes:
    """Return a symlink's target; raises DamagedError if it is empty or too long."""
    if not 0 < node.size <= image.layout.block_size:
        raise DamagedError("inode", node.ino, f"a symlink to {node.size} bytes")
    with open_node(image, node) as stream:
        target = stream.read()
    if b"\0" in target:
        raise DamagedError("inode", node.ino, "a symlink to a path with a NUL")
    return target


def segments(image: Image, node: Inode) -> list[tuple[int, int]]:
    """Return (offset, length) in bytes of a file's data between its holes."""
    if node.inline:
        return [(0, node.size)] if node.size else []
    return list(data_segments(image, node, map_blocks(image, node)))


def _inline_content(image: Image, node: Inode) -> bytes:
    whole = node.i_block[: min(node.size, EXT4_MIN_INLINE_DATA_SIZE)]
    if node.size > EXT4_MIN_INLINE_DATA_SIZE:
        whole += (inline_rest(image, node) or b"")[: node.size - len(whole)]
    if len(whole) != node.size:
        raise DamagedError("inode", node.ino, f"{len(whole)} inline bytes of {node.size}")
    return whole
