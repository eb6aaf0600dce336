"""Compressed bytes in, tar bytes out; the first bytes decide how, not the manifest.

The OCI image-spec names tar, tar+gzip and tar+zstd, but media types are wrong often enough that
every engine looks at the first bytes, and so do we.
https://github.com/opencontainers/image-spec/blob/main/layer.md

- gzip: RFC 1952, several members (pigz, estargz), zeros after the last one.
- zstd: RFC 8878, several frames and skippable frames (zstd:chunked) in any order, zeros after them.
- anything else is read as a plain tar; the scan tells whether it is one. Other compressions are
  recognised and refused by name: Docker and Podman read bzip2 and xz too, containerd and umoci
  don't, and image-spec has neither. A tar of the host may use those two.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol, cast

from isal import isal_zlib

from pyext4.buffer import Buffer

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

__all__ = ["DAMAGE", "CompressionError", "Counted", "Source", "open_tar"]

READ_BYTES = 1 << 20  # of compressed data at once: isal gains 5 % over 64 KiB

DAMAGE: Final[tuple[type[Exception], ...]] = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),
    ZstdError,
    lzma.LZMAError,
)
"""What `Source.read_into` raises on bytes that aren't a valid stream, or end too early."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
# RFC 8878 recommends 8 MiB; the library stops at 128, Go's decoder, and so the engines, at 512
_ZSTD_OPTIONS: Final[dict[int, int]] = {DecompressionParameter.window_log_max: 29}

# As libmagic knows them, long enough that no name in a tar begins like one.
_BZIP2 = "bzip2"
_XZ = "xz"
_OTHERS: Final = {
    **{b"BZh%d" % level + b"1AY&SY": _BZIP2 for level in range(1, 10)},
    **{b"BZh%d" % level + b"\x17rE8P\x90": _BZIP2 for level in range(1, 10)},  # of empty input
    b"\xfd7zXZ\0": _XZ,
    b"\x04\x22\x4d\x18": "lz4",
    # properties, and a power of two as the dictionary's size
    **{b"\x5d\0\0" + (1 << bit).to_bytes(2, "little"): "lzma" for bit in range(16)},
    b"LZIP\x01": "lzip",
    b"\x89LZO\0": "lzop",
    b"\x1f\x9d": "compress",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7-zip",
}
_LONGEST = max(map(len, _OTHERS))


class CompressionError(Exception):
    """Bytes are compressed in a way that isn't allowed for them."""


class Source(Protocol):
    """Yields tar bytes."""

    def read_into(self, buffer: memoryview, /) -> Buffer:
        """Return the next tar bytes, at most as many as `buffer` holds; empty at the end.

        They are in `buffer` unless the source had to put them elsewhere.
        """
        ...


class Counted:
    """A stream that counts the bytes read from it, and can show its first bytes in advance."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read from `stream`, which stays the caller's."""
        self._stream = stream
        self._head = b""
        self.bytes_read = 0

    def peek(self, size: int) -> bytes:
        """Return the first `size` bytes, fewer if there are no more; call it before any read."""
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


def open_tar(stream: Counted, *, of_host: bool = False) -> Source:
    """Choose how to read `stream` by its first bytes; bzip2 and xz only if it is `of_host`.

    Raises:
        CompressionError: it is compressed in another way.
    """
    head = stream.peek(_LONGEST)
    if head.startswith(_GZIP):
        return _Gzip(stream)
    if head.startswith(_ZSTD) or int.from_bytes(head[:4], "little") in _SKIPPABLE:
        return _Streams(stream, _zstd)
    other = next((name for begin, name in _OTHERS.items() if head.startswith(begin)), None)
    if other is None:
        return _Plain(stream)
    if of_host and other == _XZ:
        return _Streams(stream, lzma.LZMADecompressor)
    if of_host and other == _BZIP2:
        return _Streams(stream, bz2.BZ2Decompressor)
    allowed = (
        "only gzip, zstd, bzip2 and xz are read" if of_host else "image-spec has no such layers"
    )
    msg = f"is compressed with {other}: {allowed}"
    raise CompressionError(msg)


class _Plain:
    """Reads an uncompressed stream."""

    def __init__(self, stream: Counted) -> None:
        self._stream = stream

    def read_into(self, buffer: memoryview, /) -> Buffer:
        return _filled(buffer, self._stream)


class _Gzip:
    """Inflates member after member into the buffer.

    It uses the reader inside isal's IGzipFile, which checks each member's crc and length and skips
    zeros after a member; IGzipFile itself would copy.
    """

    def __init__(self, stream: Counted) -> None:
        self._reader: _Readable = isal_zlib._GzipReader(  # noqa: SLF001
            cast("BinaryIO", stream), READ_BYTES
        )

    def read_into(self, buffer: memoryview, /) -> Buffer:
        return _filled(buffer, self._reader)


def _zstd() -> ZstdDecompressor:
    return ZstdDecompressor(options=_ZSTD_OPTIONS)


class _Decompressor(Protocol):
    """Decompresses one zstd frame, or one stream of bzip2 or xz."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Streams:
    """Decompresses one stream after another; the library can only return bytes of its own."""

    def __init__(self, stream: Counted, make: Callable[[], _Decompressor]) -> None:
        self._stream = stream
        self._make = make
        self._present = make()
        self._started = False  # whether the current one has had any input
        self._behind = False  # whether any has
        self._input = b""

    def read_into(self, buffer: memoryview, /) -> Buffer:
        while True:
            if self._present.eof:
                # bsdtar pads its last block with zeros, as others do after gzip
                self._input = self._present.unused_data.lstrip(b"\0")
                self._present = self._make()
                self._started = False
            if self._present.needs_input and not self._input:
                self._input = self._stream.read(READ_BYTES)
                if not self._input:
                    if self._started:
                        msg = "it ends too early"
                        raise EOFError(msg)
                    return b""
                if not self._started and self._behind:
                    self._input = self._input.lstrip(b"\0")
                    continue
            self._started = self._behind = True
            data = self._decompress(len(buffer))
            self._input = b""
            if data:
                return data

    def _decompress(self, most: int) -> bytes:
        try:
            return self._present.decompress(self._input, max_length=most)
        except OSError as error:  # raised by bz2: nothing is read here
            msg = str(error).lower()
            raise EOFError(msg) from error


class _Readable(Protocol):
    def readinto(self, buffer: Buffer, /) -> int: ...


def _filled(buffer: memoryview, source: _Readable) -> memoryview:
    """Fill `buffer` as far as the source goes; return the part that was filled."""
    filled = 0
    while filled < len(buffer):
        count = source.readinto(buffer[filled:])
        if count == 0:
            break
        filled += count
    return buffer[:filled]
