"""Sparse members: where the packed payload of the tar belongs in the file.

Four ways to write one (GNU tar manual, "Storing Sparse Files"): the old GNU header type `S` with
the map in the header and in extension blocks; PAX 0.0 with a record for each number; 0.1 with
the map in one record; 1.0 with the map as decimal lines in front of the payload. In all of them
the payload is the data without the holes.
"""

from __future__ import annotations

from flatten.errors import EntryError
from flatten.native.pure_fields import FaultError, decimal, field
from pyext4.content import Segment

__all__ = ["SparseFile", "gnu_sparse", "pax_sparse"]

Records = tuple[tuple[bytes, bytes], ...]

_STRUCT = 24  # offset and numbytes, twelve bytes each
_LINE_MAX = 1 << 20  # bytes: zeros may fill a number up to any length, but not for ever


class SparseFile:
    """One sparse member: its size, its segments, and the way from the payload to them."""

    def __init__(self, size: int, packed_size: int, segments: list[Segment] | None) -> None:
        """Take the payload's size in the tar; without `segments` its beginning is the map.

        Raises:
            EntryError: the map does not fit the sizes.
        """
        self.size = size
        self.name = b""  # the file's own, where the header has an invented one
        self._packed_size = packed_size
        self._map = b""
        self._map_size = 0
        self._segments: list[Segment] | None = None
        self._index = 0  # the segment that the payload has reached, and how far it has come in it
        self._done = 0
        if segments is not None:
            self._set(segments)
        elif packed_size == 0:
            msg = "sparse map is missing"
            raise EntryError(msg)

    @property
    def segments(self) -> list[Segment] | None:
        """The data between the holes; None while the map has not come."""
        return self._segments

    def take(self, data: memoryview, position: int) -> list[tuple[int, int, int]]:
        """Take the next piece of payload, which stands at `position` of the chunk.

        Returns (offset in the file, position in the chunk, length) for what is data.
        """
        if self._segments is None:
            before = len(self._map)
            self._map += data
            if not self._parse():
                return []
            skip = self._map_size - before
            data = data[skip:]
            position += skip
        assert self._segments is not None
        pieces = []
        left = len(data)
        while left:
            offset, length = self._segments[self._index]
            count = min(length - self._done, left)
            pieces.append((offset + self._done, position, count))
            position += count
            left -= count
            self._done += count
            if self._done == length:
                self._index += 1
                self._done = 0
        return pieces

    def _set(self, segments: list[Segment]) -> None:
        end = 0
        for offset, length in segments:
            if offset < end or length < 0:
                msg = "sparse map is not in ascending order"
                raise EntryError(msg)
            end = offset + length
        if end > self.size:
            msg = f"sparse map goes beyond the file's size: {end}"
            raise EntryError(msg)
        packed = sum(length for _, length in segments)
        if packed != self._packed_size - self._map_size:
            msg = f"sparse map adds up to {packed} bytes, stored are: {self._packed_size}"
            raise EntryError(msg)
        self._segments = [(offset, length) for offset, length in segments if length]

    def _parse(self) -> bool:
        """Read the decimal lines of format 1.0 as soon as they and their padding are there."""
        numbers: list[int] = []
        at = 0
        wanted = 1
        while len(numbers) < wanted:
            end = self._map.find(b"\n", at)
            if end < 0:
                if len(self._map) - at > _LINE_MAX or len(self._map) >= self._packed_size:
                    msg = "sparse map is no list of numbers"
                    raise EntryError(msg)
                return False
            numbers.append(_number(self._map[at:end]))
            at = end + 1
            wanted = 1 + 2 * numbers[0]
        self._map_size = at + -at % 512
        if len(self._map) < self._map_size:
            if self._map_size > self._packed_size:
                msg = "sparse map is longer than the stored size"
                raise EntryError(msg)
            return False
        self._set(list(zip(numbers[1::2], numbers[2::2], strict=True)))
        self._map = b""
        return True


def gnu_sparse(raw: bytes, packed_size: int) -> SparseFile:
    """Read the map of an `S` member: the real size, then pairs as long as any is set."""
    try:
        size = field(raw[:12])
        segments = []
        for at in range(12, len(raw), _STRUCT):
            if raw[at] == 0:
                break
            segments.append((field(raw[at : at + 12]), field(raw[at + 12 : at + 24])))
    except FaultError as error:
        msg = "a number in the sparse map can't be read"
        raise EntryError(msg) from error
    if size < 0 or any(offset < 0 for offset, _ in segments):
        msg = "a number in the sparse map is negative"
        raise EntryError(msg)
    return SparseFile(size, packed_size, segments)


def pax_sparse(records: Records, packed_size: int) -> SparseFile:
    """Read the GNU.sparse.* records (named without that prefix) of a regular member."""
    last = dict(records)
    sparse = _pax_sparse(records, last, packed_size)
    sparse.name = last.get(b"name", b"")
    return sparse


def _pax_sparse(records: Records, last: dict[bytes, bytes], packed_size: int) -> SparseFile:
    size = last.get(b"realsize", last.get(b"size"))
    if size is None:
        msg = "sparse member does not state its size"
        raise EntryError(msg)
    version = (last.get(b"major", b"0"), last.get(b"minor", b"0"))
    if version == (b"1", b"0"):
        return SparseFile(_number(size), packed_size, None)
    if version[0] != b"0":
        msg = "sparse format is unknown: " + b".".join(version).decode(errors="backslashreplace")
        raise EntryError(msg)
    if b"map" in last:
        numbers = [_number(text) for text in last[b"map"].split(b",")] if last[b"map"] else []
    else:
        numbers = [_number(value) for key, value in records if key in (b"offset", b"numbytes")]
    if len(numbers) % 2:
        msg = "sparse map has an offset without length"
        raise EntryError(msg)
    return SparseFile(
        _number(size), packed_size, list(zip(numbers[::2], numbers[1::2], strict=True))
    )


def _number(text: bytes) -> int:
    try:
        return decimal(text)
    except FaultError as error:
        msg = "a number in the sparse map can't be read"
        raise EntryError(msg) from error
