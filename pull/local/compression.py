"""Detect and read compressed streams, for archives and for callers that want a layer's tar.

Conversion doesn't use this: it has `flatten.stream.decompress`, with hashes and limits.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import BinaryIO, Protocol, Self

__all__ = ["Decompressed", "decompressed", "is_compressed", "is_damage"]

_DAMAGE = (EOFError, zlib.error, lzma.LZMAError)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class Decompressed:
    """What is inside a stream; a context manager that closes the stream too."""

    def __init__(self, plain: _Readable, outer: BinaryIO) -> None:
        self._plain = plain
        self._outer = outer
        self.read = plain.read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both."""
        self._plain.close()
        self._outer.close()


def _open_zstd(stream: BinaryIO) -> _Readable:
    opened: _Readable = _zstd().ZstdFile(stream)
    return opened


def _zstd() -> ModuleType:
    # imported here: it is slow, and few archives use zstd
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    return zstd


_DECOMPRESSORS: tuple[tuple[bytes, Callable[[BinaryIO], _Readable]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x28\xb5\x2f\xfd", _open_zstd),
)
_MAGIC_BYTES = 6


def is_compressed(magic: bytes) -> bool:
    """Tell whether a stream that begins with `magic` is compressed."""
    return any(magic.startswith(begin) for begin, _ in _DECOMPRESSORS)


def is_damage(error: BaseException) -> bool:
    """Tell whether an error from reading means that the stream is damaged."""
    # bz2 raises an OSError without an errno for that
    if isinstance(error, OSError):
        return error.errno is None or isinstance(error, gzip.BadGzipFile)
    return isinstance(error, (*_DAMAGE, _zstd().ZstdError))


def decompressed(stream: BinaryIO) -> Decompressed:
    """Return a reader of what is in `stream`, which it owns from now on."""
    buffered = (
        stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]  # typing.BinaryIO is no io class
    )
    magic = buffered.peek(_MAGIC_BYTES)
    for begin, decompressor in _DECOMPRESSORS:
        if magic.startswith(begin):
            return Decompressed(decompressor(buffered), stream)
    return Decompressed(buffered, stream)
