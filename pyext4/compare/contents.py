"""Whether two files hold the same bytes, in bounded memory; holes of both are not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from pyext4.content import Segment

__all__ = ["same_bytes", "stretches"]

_CHUNK_BYTES: Final = 1 << 20


def same_bytes(one: BinaryIO, other: BinaryIO, segments: Iterator[Segment]) -> bool:
    """Compare these stretches of two streams, up to the first difference.

    Only streams of files with holes need to be seekable.
    """
    at = 0
    for offset, length in segments:
        if offset != at:
            one.seek(offset)
            other.seek(offset)
        left = length
        while left:
            chunk = _read(one, min(left, _CHUNK_BYTES))
            if not chunk or chunk != _read(other, len(chunk)):
                return False
            left -= len(chunk)
        at = offset + length
    return True


def _read(stream: BinaryIO, length: int) -> bytes:
    """Read so many bytes, or up to the end; a raw stream may give fewer at a time."""
    data = stream.read(length)
    while 0 < len(data) < length:
        more = stream.read(length - len(data))
        if not more:
            break
        data += more
    return data


def stretches(one: list[Segment], other: list[Segment]) -> Iterator[Segment]:
    """Yield what is covered by either, in ascending order, each byte once."""
    begin = end = 0
    for offset, length in sorted(one + other):
        if offset > end:
            if end > begin:
                yield begin, end - begin
            begin = offset
        end = max(end, offset + length)
    if end > begin:
        yield begin, end - begin
