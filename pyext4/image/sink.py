"""How bytes reach the image file: gathered in windows, written by a separate thread.

Bytes that are placed one after another are mostly adjacent in the image too, so they are gathered
in a window of a few megabytes, padded to blocks as in the image, and written with one call.
While one window is being written the next is gathered. Large windows go to the disk directly
(O_DIRECT) if the filesystem allows that: copying them into the page cache costs more than
decompressing them did, and nothing will read them soon. Everything else goes the usual way.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from pyext4 import native
from pyext4.buffer import Buffer
from pyext4.native.rows import WINDOW

__all__ = ["CRC_SEED", "Piece", "Sink"]

_WINDOW_BYTES = 4 << 20
_WINDOWS = 3
_DIRECT_ALIGNMENT = 4096  # of memory, place and length: enough for every existing disk
_DIRECT_LEAST_BYTES = 256 << 10  # below this the page cache gathers better than we do


CRC_SEED = 0xFFFFFFFF


class Piece(NamedTuple):
    """Bytes that were written in one go; `crc` is ext4's crc32c of them."""

    offset: int
    length: int
    crc: int


class Sink:
    """Writes to one file until it is closed; the next call raises the thread's errors."""

    def __init__(self, fd: int, block_size: int, *, begin: int = 0) -> None:
        """Write to `fd`, which the caller still owns, to an image that begins at a byte of it."""
        self.written: list[Piece] | None = None  # collected if anyone wants checksums
        self._fd = fd
        self._begin = begin
        self._block_size = block_size
        self._direct_fd = _open_directly(fd)
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(_WINDOWS):
            self._free.put(memoryview(mmap.mmap(-1, _WINDOW_BYTES)))  # page-aligned
        self._window = self._free.get()
        self._state = bytearray(WINDOW.size)
        self._full: SimpleQueue[tuple[memoryview, int, int] | None] = SimpleQueue()
        self._error: OSError | None = None
        self._thread = Thread(target=self._run, name="pyext4 sink", daemon=True)
        self._thread.start()

    def place(self, chunk: Buffer, spans: Buffer) -> None:
        """Write packed SPANs of `chunk`, which the caller may change afterwards.

        Raises:
            OSError: this or an earlier write failed.
        """
        image_offset, filled, zeros, _, _ = WINDOW.unpack(self._state)
        WINDOW.pack_into(self._state, 0, image_offset, filled, zeros, 0, 0)
        while native.gather(self._window, self._block_size, self._state, chunk, spans):
            self._hand_over()

    def copy(
        self,
        source: int,
        offset: int,
        image_offset: int,
        length: int,
        advance: Callable[[int], None] | None = None,
    ) -> int:
        """Write the bytes at `offset` of the descriptor `source`; return how many there were.

        The last block is padded with zeros. `advance` is called with each piece's bytes.

        Raises:
            OSError: reading, or this or an earlier write failed.
        """
        self._hand_over()
        copied = 0
        while copied < length:
            piece = self._window[: min(len(self._window), length - copied)]
            count = os.preadv(source, [piece], offset + copied)
            if count == 0:
                break
            zeros = -count % self._block_size if copied + count == length else 0
            self._window[count : count + zeros] = bytes(zeros)
            WINDOW.pack_into(self._state, 0, image_offset + copied, count + zeros, 0, 0, 0)
            self._hand_over()
            copied += count
            if advance is not None:
                advance(count)
        return copied

    def flush(self) -> None:
        """Wait until everything is in the file.

        Raises:
            OSError: a write failed.
        """
        self._hand_over()
        windows = [self._free.get() for _ in range(_WINDOWS - 1)]
        for window in windows:
            self._free.put(window)
        self._raise()

    def close(self) -> None:
        """End the thread; bytes that were not flushed may be lost."""
        self._full.put(None)
        self._thread.join()
        if self._direct_fd >= 0:
            os.close(self._direct_fd)
            self._direct_fd = -1

    def _hand_over(self) -> None:
        """Hand the window to the thread and take an empty one."""
        image_offset, filled, _, span, done = WINDOW.unpack(self._state)
        WINDOW.pack_into(self._state, 0, 0, 0, 0, span, done)
        if filled:
            self._full.put((self._window, image_offset, filled))
            self._window = self._free.get()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (work := self._full.get()) is not None:
            window, offset, length = work
            try:
                if self._error is None:
                    data = window[:length]
                    if self.written is not None:
                        self.written.append(Piece(offset, length, native.crc32c(CRC_SEED, data)))
                    self._write(data, offset)
            except OSError as error:
                self._error = error
            finally:
                self._free.put(window)

    def _write(self, data: memoryview, image_offset: int) -> None:
        offset = self._begin + image_offset
        aligned = (offset | len(data)) % _DIRECT_ALIGNMENT == 0
        if self._direct_fd >= 0 and aligned and len(data) >= _DIRECT_LEAST_BYTES:
            data, offset = _write_directly(self._direct_fd, data, offset)
        _write_all(self._fd, data, offset)


def _open_directly(fd: int) -> int:
    """Open a file again for direct writes; return -1 if that is impossible."""
    if not hasattr(os, "O_DIRECT"):
        return -1
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_DIRECT)
    except OSError:
        return -1


def _write_directly(fd: int, data: memoryview, offset: int) -> tuple[memoryview, int]:
    """Write as much as the filesystem takes directly; return the rest and its offset."""
    while data:
        try:
            done = os.pwrite(fd, data, offset)
        except OSError:
            break  # write it the usual way: a real error will come again
        data, offset = data[done:], offset + done
        if done % _DIRECT_ALIGNMENT:
            break
    return data, offset


def _write_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        done = os.pwrite(fd, data, offset)
        data, offset = data[done:], offset + done
