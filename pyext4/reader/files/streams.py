"""An inode's bytes, read at once or as a stream; holes and unwritten blocks read as zero."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterator

from pyext4.buffer import Buffer
from pyext4.reader.disk.block_map import Mapping
from pyext4.reader.disk.inodes import Inode
from pyext4.reader.disk.open_image import Image

__all__ = ["BlockStream", "data_segments", "read_content"]


def read_content(image: Image, node: Inode, mapping: Mapping) -> bytes:
    """Read the whole content, `node.size` bytes.

    Raises:
        DamagedError: the image file ends inside it.
    """
    stream = BlockStream(image, node.size, mapping)
    return stream.readall()


def data_segments(image: Image, node: Inode, mapping: Mapping) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) in bytes of the data between holes, adjacent runs joined."""
    begin = end = 0
    for run in mapping.runs:
        if run.unwritten:
            continue
        first = run.logical_block * image.layout.block_size
        last = min(first + run.length * image.layout.block_size, node.size)
        if first >= last:
            continue
        if first != end:
            if end > begin:
                yield begin, end - begin
            begin = first
        end = last
    if end > begin:
        yield begin, end - begin


class BlockStream(io.RawIOBase):
    """Reads `size` bytes through a mapping; seekable. The image must stay open."""

    def __init__(self, image: Image, size: int, mapping: Mapping) -> None:
        super().__init__()
        self._image = image
        self._size = size
        self._position = 0
        self._runs = [run for run in mapping.runs if not run.unwritten]
        self._starts = [run.logical_block * image.layout.block_size for run in self._runs]

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; reads beyond the end return nothing."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        """Read into `buffer`, up to the next border of a run; return 0 at the end."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._position)
        if wanted <= 0:
            return 0
        place, length = self._stretch()
        length = min(length, wanted)
        if place is None:
            view[:length] = bytes(length)
        else:
            view[:length] = self._image.bytes_at(place, length)
        self._position += length
        return length

    def _stretch(self) -> tuple[int | None, int]:
        """Return where the bytes at the position are (None: a hole), and how many follow."""
        block_size = self._image.layout.block_size
        index = bisect_right(self._starts, self._position) - 1
        if index >= 0:
            run = self._runs[index]
            inside = self._position - self._starts[index]
            if inside < run.length * block_size:
                return run.block * block_size + inside, run.length * block_size - inside
        following = self._starts[index + 1] if index + 1 < len(self._starts) else self._size
        return None, following - self._position
