"""The latest bytes of a blob, kept in memory for a reader that follows its download.

A reader that keeps up needs nothing from the file, so the file needs no page cache. The download
waits for a slower reader, because that reader uses the same processors and the same disk that the
download would; but not for long, because it may only read much later. Then the relay ends, and the
reader continues from the file, which has everything in any case.
"""

from __future__ import annotations

import mmap
from collections import deque

__all__ = ["BUFFER_BYTES", "Relay"]

BUFFER_BYTES = 1 << 20  # of one transfer to the disk


class Relay:
    """A few buffers passed between one writer and one reader; its owner does the locking."""

    def __init__(self, buffers: int) -> None:
        """Hold up to `buffers` times BUFFER_BYTES."""
        self._left = buffers  # how many may still be made
        self._filling: memoryview | None = None
        self._free: list[memoryview] = []
        self._held: deque[tuple[int, memoryview, int]] = deque()  # (first byte, buffer, bytes)
        self.is_open = True

    @property
    def is_full(self) -> bool:
        """Tell whether the writer must wait for a reader."""
        return self.is_open and not (self._filling or self._free or self._left)

    def filling(self) -> memoryview:
        """Return the buffer to fill, which begins with a page; not while the relay is full."""
        if self._filling is None and self._free:
            self._filling = self._free.pop()
        elif self._filling is None:
            self._left -= 1
            self._filling = memoryview(mmap.mmap(-1, BUFFER_BYTES))
        return self._filling

    def hold(self, position: int, count: int) -> None:
        """Keep `count` bytes of the buffer just filled, which begin at the blob's `position`."""
        if self._filling is not None and self.is_open:
            self._held.append((position, self._filling, count))
            self._filling = None

    def find(self, position: int) -> memoryview | None:
        """Return the bytes from `position` to the end of their buffer; None if not held."""
        for first, buffer, count in self._held:
            if first <= position < first + count:
                return buffer[position - first : count]
        return None

    @property
    def first(self) -> int | None:
        """The position in the blob of the first byte held."""
        return self._held[0][0] if self._held else None

    def drop(self, position: int) -> None:
        """Take back buffers that end before `position`."""
        while self._held:
            first, buffer, count = self._held[0]
            if first + count > position:
                break
            self._held.popleft()
            self._free.append(buffer)

    def end(self) -> None:
        """Hold nothing from now on. A reader may be looking at a buffer, so none is used again."""
        self.is_open = False
        self._filling = None
        self._held.clear()
        self._free.clear()
