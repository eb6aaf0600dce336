"""Two disks compared, window by window, in bounded memory.

A window is read from both files and compared as a whole, which is one memcmp; only if it differs
are its clusters looked at one by one. Where both files have holes nothing is read, so empty space
costs nothing. What is beyond the end of the base reads as zeros, as in qcow2.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

__all__ = ["Disk", "Run", "Window", "differences"]

_WINDOW_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """An open file as a disk; the caller closes it."""

    fd: int
    path: Path
    size_bytes: int

    def next_data(self, offset: int, end: int) -> int:
        """Return the first place from `offset` on that is not in a hole, `end` if there is none."""
        if offset >= self.size_bytes:
            return end
        try:
            return os.lseek(self.fd, offset, os.SEEK_DATA)
        except OSError as error:
            # ENXIO: only a hole follows. Anything else: this filesystem doesn't know its holes.
            return end if error.errno == errno.ENXIO else offset

    def read_into(self, buffer: bytearray, offset: int, end: int) -> None:
        """Fill a buffer with the bytes from `offset` to `end`, and with zeros after them.

        Raises:
            OSError: The file can't be read.
        """
        wanted = max(0, min(len(buffer), self.size_bytes - offset, end - offset))
        filled = 0
        with memoryview(buffer) as view:
            try:
                while filled < wanted:
                    count = os.preadv(self.fd, [view[filled:wanted]], offset + filled)
                    if count == 0:
                        break
                    filled += count
            except OSError as error:
                error.filename = str(self.path)
                raise
            view[filled:] = bytes(len(buffer) - filled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Adjacent clusters of a window that differ in the same way."""

    first: int  # in the window
    clusters: int
    zero: bool  # the image has zeros there, and the base has something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the disk that differs."""

    offset: int  # a multiple of the window's length
    data: bytearray  # of the image; overwritten when the next window is asked for
    runs: tuple[Run, ...]


def differences(image: Disk, base: Disk, size_bytes: int, cluster_bytes: int) -> Iterator[Window]:
    """Yield what differs in the first `size_bytes`, in ascending order.

    A cluster of the image that ends behind `size_bytes` is filled up with zeros.

    Raises:
        OSError: A file can't be read.
    """
    length = max(_WINDOW_BYTES, cluster_bytes)
    new, old = bytearray(length), bytearray(length)
    offset, end = 0, size_bytes
    while (start := min(image.next_data(offset, end), base.next_data(offset, end))) < end:
        offset = start // length * length
        image.read_into(new, offset, end)
        base.read_into(old, offset, end)
        if new != old:
            runs = tuple(_runs(new, old, cluster_bytes))
            yield Window(offset=offset, data=new, runs=runs)
        offset += length


def _runs(new: bytearray, old: bytearray, cluster_bytes: int) -> Iterator[Run]:
    zeros = bytes(cluster_bytes)
    kinds: list[bool | None] = []  # None: the same
    for start in range(0, len(new), cluster_bytes):
        piece = new[start : start + cluster_bytes]
        same = piece == old[start : start + cluster_bytes]
        kinds.append(None if same else piece == zeros)
    for zero, group in groupby(enumerate(kinds), key=lambda each: each[1]):
        if zero is not None:
            numbers = [number for number, _ in group]
            yield Run(first=numbers[0], clusters=len(numbers), zero=zero)
