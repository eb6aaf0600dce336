"""Compressed bytes in, tar bytes out, by what the bytes say and not by what the manifest says.

The OCI image-spec names tar, tar+gzip and tar+zstd, and its media types are wrong often enough
that every engine looks at the first bytes: so does this.
https://github.com/opencontainers/image-spec/blob/main/layer.md

- gzip: RFC 1952, several members (pigz, estargz), zeros behind the last one.
- zstd: RFC 8878, several frames and skippable frames (zstd:chunked) in any order, zeros behind.
- anything else is taken for a plain tar; the scan tells whether it is one.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol, cast

from isal import isal_zlib

from pyext4.content import Buffer

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

__all__ = ["DAMAGE", "Counted", "Source", "open_tar"]

READ_BYTES = 1 << 20  # of compressed data at once: isal gains 5 % over 64 KiB

DAMAGE: Final[tuple[type[Exception], ...]] = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),
    ZstdError,
)
"""What `Source.read_into` raises on bytes that are no gzip or zstd stream, or end too early."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)


class Source(Protocol):
    """Yields tar bytes."""

    def read_into(self, buffer: memoryview, /) -> Buffer:
        """Return the next tar bytes, at most as many as `buffer` holds; none at the end.

        They stand in `buffer` unless the source had to make them elsewhere.
        """
        ...


class Counted:
    """A stream that counts what was read of it, and shows its first bytes beforehand."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read from `stream`, which stays the caller's."""
        self._stream = stream
        self._head = b""
        self.bytes_read = 0

    def peek(self, size: int) -> bytes:
        """Return the first `size` bytes, fewer where there are none; before any read."""
        while len(self._head) < size:
            more = self._stream.read(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; empty at the end."""
        data = self._head[:size] or self._stream.read(size)
        self._head = self._head[size:]
        self.bytes_read += len(data)
        return data

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into `buffer`, without a copy if the stream can do that; 0 at the end."""
        readinto: Callable[[Buffer], int] | None = getattr(self._stream, "readinto", None)
        if self._head or readinto is None:
            view = memoryview(buffer)
            data = self.read(len(view))
            view[: len(data)] = data
            return len(data)
        count = readinto(buffer)
        self.bytes_read += count
        return count


def open_tar(stream: Counted) -> Source:
    """Choose how to read `stream` by its first bytes."""
    head = stream.peek(4)
    if head.startswith(_GZIP):
        return _Gzip(stream)
    if head == _ZSTD or int.from_bytes(head, "little") in _SKIPPABLE:
        return _Zstd(stream)
    return _Plain(stream)


class _Plain:
    """Reads what was not compressed."""

    def __init__(self, stream: Counted) -> None:
        self._stream = stream

    def read_into(self, buffer: memoryview, /) -> Buffer:
        return _filled(buffer, self._stream)


class _Gzip:
    """Inflates member after member into the buffer.

    By the reader behind isal's IGzipFile, which checks each member's crc and length and skips zeros
    behind a member; IGzipFile itself would copy.
    """

    def __init__(self, stream: Counted) -> None:
        self._reader: _Readable = isal_zlib._GzipReader(  # noqa: SLF001
            cast("BinaryIO", stream), READ_BYTES
        )

    def read_into(self, buffer: memoryview, /) -> Buffer:
        return _filled(buffer, self._reader)


class _Zstd:
    """Decompresses frame after frame; the library gives bytes of its own, and no others."""

    def __init__(self, stream: Counted) -> None:
        self._stream = stream
        self._frame = ZstdDecompressor()
        self._started = False  # whether the present frame has had any input
        self._behind = False  # whether any has
        self._input = b""

    def read_into(self, buffer: memoryview, /) -> Buffer:
        while True:
            if self._frame.eof:
                # bsdtar fills its last block with zeros, as others do behind gzip
                self._input = self._frame.unused_data.lstrip(b"\0")
                self._frame = ZstdDecompressor()
                self._started = False
            if self._frame.needs_input and not self._input:
                self._input = self._stream.read(READ_BYTES)
                if not self._input:
                    if self._started:
                        msg = "compressed data ends inside a zstd frame"
                        raise EOFError(msg)
                    return b""
                if not self._started and self._behind:
                    self._input = self._input.lstrip(b"\0")
                    continue
            self._started = self._behind = True
            data = self._frame.decompress(self._input, max_length=len(buffer))
            self._input = b""
            if data:
                return data


class _Readable(Protocol):
    def readinto(self, buffer: Buffer, /) -> int: ...


def _filled(buffer: memoryview, source: _Readable) -> memoryview:
    """Fill `buffer` as far as the source goes; return what was filled."""
    filled = 0
    while filled < len(buffer):
        count = source.readinto(buffer[filled:])
        if count == 0:
            break
        filled += count
    return buffer[:filled]
