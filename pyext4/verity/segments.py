"""Find where a file has data and holes, so that holes need not be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Segment", "segments"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a file, in bytes."""

    offset: int
    length: int
    is_hole: bool


def segments(fd: int, offset: int, length: int, *, block_size: int, most: int) -> Iterator[Segment]:
    """Yield the parts of a range in order, each of whole blocks and not longer than `most`.

    `offset`, `length` and `most` are whole blocks. A block that is partly a hole counts as data. A
    filesystem that doesn't know its holes says that everything is data.
    """
    position, end = offset, offset + length
    while position < end:
        data = _next_data(fd, position, end)
        begin = data - (data - offset) % block_size
        yield from _pieces(position, begin, most, is_hole=True)
        position = begin
        if position < end:
            hole = min(os.lseek(fd, data, os.SEEK_HOLE), end)  # `begin` may be in one
            hole += -(hole - offset) % block_size
            yield from _pieces(position, hole, most, is_hole=False)
            position = hole


def _next_data(fd: int, position: int, end: int) -> int:
    try:
        return min(os.lseek(fd, position, os.SEEK_DATA), end)
    except OSError as error:
        if error.errno != errno.ENXIO:  # lseek(2): nothing but a hole up to the file's end
            raise
        return end


def _pieces(begin: int, end: int, most: int, *, is_hole: bool) -> Iterator[Segment]:
    for position in range(begin, end, most):
        yield Segment(position, min(most, end - position), is_hole)
