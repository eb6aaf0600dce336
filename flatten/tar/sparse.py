"""Sparse members: where the packed payload of the tar belongs in the file.

There are four ways to write one (GNU tar manual, "Storing Sparse Files"): the old GNU header type
`S` with the map in the header and in extension blocks; PAX 0.0 with a record for each number; 0.1
with the map in one record; 1.0 with the map as decimal lines before the payload. In all of them
the payload is the data without the holes.

The scan limits the size of maps in headers; a map before the payload is limited here, by the same
number. Go's archive/tar has the same bound for all (maxSpecialFileSize, 1 MiB).
"""

from __future__ import annotations

from typing import NamedTuple

from flatten.errors import EntryError, EntryLimitError
from flatten.tar.fields import FaultError, decimal, field
from pyext4.content import Segment

__all__ = ["SparseFile", "gnu_sparse", "pax_sparse"]

Records = tuple[tuple[bytes, bytes], ...]

_STRUCT = 24  # offset and numbytes, twelve bytes each
_DIGITS_MAX = 18  # enough for more than any disk holds
_BLOCK = 512
_PIECE_BYTES = 1 << 16


class Piece(NamedTuple):
    """A stretch of payload, and where in the file it belongs."""

    offset: int  # in the file
    position: int  # in the chunk
    length: int


class SparseFile:
    """One sparse member: its size, its segments, and the way from the payload to them."""

    def __init__(self, size: int, packed_size: int, source: list[Segment] | MapInPayload) -> None:
        """Take the payload's size in the tar, and the segments or a reader for them.

        Raises:
            EntryError: the map does not fit the sizes.
        """
        self.size = size
        self.name = b""  # the file's own, if the header has an invented one
        self._packed_size = packed_size
        self._map: MapInPayload | None = None
        self._segments: list[Segment] | None = None
        self._index = 0  # the segment that the payload has reached, and how far into it
        self._done = 0
        if not isinstance(source, MapInPayload):
            self._set(source, packed_size)
        elif packed_size == 0:
            msg = "sparse map is missing"
            raise EntryError(msg)
        else:
            self._map = source

    @property
    def segments(self) -> list[Segment] | None:
        """The data between the holes; None until the map has come."""
        return self._segments

    def take(self, data: memoryview, position: int) -> list[Piece]:
        """Take the next bytes of payload, from `position` in the chunk; return the data in them."""
        if self._map is not None:
            skip = self._map.take(data)
            if self._map.segments is None:
                return []
            data = data[skip:]
            position += skip
            self._set(self._map.segments, self._packed_size - self._map.size)
            self._map = None
        assert self._segments is not None
        pieces = []
        left = len(data)
        while left:
            offset, length = self._segments[self._index]
            count = min(length - self._done, left)
            pieces.append(Piece(offset + self._done, position, count))
            position += count
            left -= count
            self._done += count
            if self._done == length:
                self._index += 1
                self._done = 0
        return pieces

    def _set(self, segments: list[Segment], stored: int) -> None:
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
        if packed != stored:
            msg = f"sparse map adds up to {packed} bytes, but the tar stores: {stored}"
            raise EntryError(msg)
        self._segments = [(offset, length) for offset, length in segments if length]


class MapInPayload:
    """Reads the decimal lines of format 1.0 as they come, each byte once.

    The count of segments, then offset and length of each; zeros up to a whole block follow.
    """

    def __init__(self, packed_size: int, map_max: int) -> None:
        """Take the payload's size in the tar, and how many bytes of it the map may have."""
        self.segments: list[Segment] | None = None  # once the whole map has come
        self.size = 0  # of the map so far, in the end with the zeros after it
        self._packed_size = packed_size
        self._most = map_max
        self._wanted = 1
        self._numbers: list[int] = []
        self._line = b""  # the beginning of a number that the last piece cut
        self._padding = -1  # how much of it is still to come; -1 until its start is known

    def take(self, data: memoryview) -> int:
        """Take the next piece of payload; return how much of it belongs to the map.

        Raises:
            EntryLimitError: the map is larger than allowed.
            EntryError: it isn't a map, or is larger than the payload.
        """
        taken = 0
        while self._padding < 0 and taken < len(data):
            # small ones first: most maps have a few lines
            piece = bytes(data[taken : taken + min(_BLOCK + taken, _PIECE_BYTES)])
            taken += self._lines(piece)
        if self._padding < 0:
            return taken
        skipped = min(self._padding, len(data) - taken)
        self._padding -= skipped
        self.size += skipped
        if self._padding == 0:
            numbers = self._numbers
            self.segments = list(zip(numbers[1::2], numbers[2::2], strict=True))
        return taken + skipped

    def _lines(self, piece: bytes) -> int:
        """Read as many whole lines as are needed; return how many bytes of `piece` that took."""
        lines = (self._line + piece).split(b"\n")
        rest = lines.pop()
        used = -len(self._line)
        for line in lines:
            if len(self._numbers) == self._wanted:
                break
            used += len(line) + 1
            self._numbers.append(_number(line))
            if len(self._numbers) == 1:
                self._wanted = 1 + 2 * self._numbers[0]
                self._check(2 * self._wanted)  # each has a digit and a newline at least
        if len(self._numbers) == self._wanted:
            self.size += used
            self._padding = -self.size % _BLOCK
            self._check(self.size + self._padding)
            return used
        self.size += len(piece)
        self._check(self.size)
        # leading zeros mean nothing; if they were kept, each piece would copy them again
        self._line = rest if len(rest) <= _DIGITS_MAX else b"0" + rest.lstrip(b"0")
        if len(self._line) > _DIGITS_MAX + 1 or self.size == self._packed_size:
            msg = "sparse map is not a list of numbers"
            raise EntryError(msg)
        return len(piece)

    def _check(self, size: int) -> None:
        if size > self._packed_size:
            msg = "sparse map is longer than the stored size"
            raise EntryError(msg)
        if size > self._most:
            limit = "header_bytes"
            raise EntryLimitError(limit, self._most)


def gnu_sparse(raw: bytes, packed_size: int) -> SparseFile:
    """Read the map of an `S` member: the real size, then pairs until one is empty."""
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


def pax_sparse(records: Records, packed_size: int, map_max: int) -> SparseFile:
    """Read the GNU.sparse.* records (named without that prefix) of a regular member.

    A map before the payload may have `map_max` bytes.
    """
    last = dict(records)
    sparse = _pax_sparse(records, last, packed_size, map_max)
    sparse.name = last.get(b"name", b"")
    if b"\0" in sparse.name:
        msg = "GNU.sparse.name has a NUL"
        raise EntryError(msg)
    return sparse


def _pax_sparse(
    records: Records, last: dict[bytes, bytes], packed_size: int, map_max: int
) -> SparseFile:
    size = last.get(b"realsize", last.get(b"size"))
    if size is None:
        msg = "sparse member does not state its size"
        raise EntryError(msg)
    major, minor = last.get(b"major", b"0"), last.get(b"minor", b"0")
    if (major, minor) == (b"1", b"0"):
        return SparseFile(_number(size), packed_size, MapInPayload(packed_size, map_max))
    if major != b"0":
        msg = "sparse format is unknown: " + b".".join((major, minor)).decode(
            errors="backslashreplace"
        )
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
        return decimal(text.lstrip(b"0") or text[:1])  # Go and bsdtar accept any leading zeros
    except FaultError as error:
        msg = "a number in the sparse map can't be read"
        raise EntryError(msg) from error
