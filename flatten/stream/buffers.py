"""Reusable buffers: limited in number, the last one used taken first.

Memory touched for the first time is slow and memory used a moment ago is still in a cache, so a
buffer that comes back is filled next. Only a thread that runs ahead of the others makes new ones,
up to its limit.
"""

from __future__ import annotations

import mmap
from threading import Semaphore

__all__ = ["CHUNK_BYTES", "Buffers"]

CHUNK_BYTES = 1 << 20  # stays in the second-level cache between the threads that touch it


class Buffers:
    """Hands out buffers of CHUNK_BYTES, at most `limit` at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = Semaphore(limit)
        self._free: list[memoryview] = []

    def take(self) -> memoryview:
        """Wait for room and return a buffer, with whatever it holds."""
        self._room.acquire()
        # of the system, which gives no memory before it is touched: zstd brings its own
        return self._free.pop() if self._free else memoryview(mmap.mmap(-1, CHUNK_BYTES))

    def give_back(self, buffer: memoryview) -> None:
        """Take back a buffer, which makes room for another."""
        self._free.append(buffer)
        self._room.release()

    def let_go(self) -> None:
        """Wake all threads that wait for room; no buffers are needed any more."""
        self._room.release(self._limit)
