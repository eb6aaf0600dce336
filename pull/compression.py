"""Compressed streams told by their first bytes: for archives, and for those who want a layer's tar.

Converting an image does not come this way: `flatten.decompress` does that, with hashes and limits.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

__all__ = ["BROKEN", "Readable", "decompressed", "is_compressed"]

BROKEN = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
"""What reading raises where a stream is damaged."""


class Readable(Protocol):
    """All that is needed of a stream here."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; nothing is the end."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def _open_zstd(stream: BinaryIO) -> Readable:
    from backports import zstd  # noqa: PLC0415  # seldom needed here

    return zstd.ZstdFile(stream)


_DECOMPRESSORS: tuple[tuple[bytes, Callable[[BinaryIO], Readable]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x28\xb5\x2f\xfd", _open_zstd),
)
MAGIC_BYTES = 6


def is_compressed(magic: bytes) -> bool:
    """Tell whether a stream that begins so is compressed."""
    return any(magic.startswith(begin) for begin, _ in _DECOMPRESSORS)


def decompressed(stream: BinaryIO) -> Readable:
    """Return a stream of what is in `stream`, or `stream` itself where it is plain."""
    buffered = (
        stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]  # typing.BinaryIO is no io class
    )
    magic = buffered.peek(MAGIC_BYTES)
    for begin, decompressor in _DECOMPRESSORS:
        if magic.startswith(begin):
            return decompressor(buffered)
    return buffered
