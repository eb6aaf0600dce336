"""Bodies that come with Content-Encoding gzip, although we didn't ask for it.

A digest is of the content without its coding (RFC 9110, section 8.4); Go's net/http and
containerd's fetcher treat it the same way. Other codings are left as they come, as in Go.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from pull.errors import BrokenTransferError

__all__ = ["Gunzip", "gzips_in"]

_MAGIC = b"\x1f\x8b"
_INPUT_BYTES = 1 << 16
_GZIP_WINDOW = 31  # of zlib: 32 KiB, with a gzip header


def gzips_in(content_encoding: str) -> int:
    """Count how often a body was compressed, by its Content-Encoding."""
    codings = [coding.strip().lower() for coding in content_encoding.split(",")]
    return sum(coding in ("gzip", "x-gzip") for coding in codings)


class Gunzip:
    """Undoes one compression of what `read` fills buffers with; other bytes pass unchanged."""

    def __init__(self, read: Callable[[memoryview], int], url: str) -> None:
        self._read = read
        self._url = url
        self._input = memoryview(bytearray(_INPUT_BYTES))
        self._left = b""  # received, and not yet taken
        self._has_ended = False
        self._is_gzip: bool | None = None
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)

    def readinto(self, buffer: memoryview, /) -> int:
        """Read plain bytes, as many as `buffer` holds; fewer only at the end.

        Raises:
            BrokenTransferError: The end came too early, or something else than gzip did.
        """
        filled = 0
        while filled < len(buffer):
            self._receive()
            piece = self._next(len(buffer) - filled)
            if not piece and not self._left and self._has_ended:
                if self._is_gzip and not self._inflater.eof and not filled:
                    raise BrokenTransferError(self._url, "the compressed body ended too early")
                break
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

    def _receive(self) -> None:
        """Make sure that there are bytes to take: a whole magic number where a member may begin."""
        may_begin = self._is_gzip is None or self._inflater.eof
        while not self._has_ended and len(self._left) < (len(_MAGIC) if may_begin else 1):
            count = self._read(self._input)
            self._has_ended = not count
            self._left += self._input[:count]
        if self._is_gzip is None:
            self._is_gzip = self._left.startswith(_MAGIC)

    def _next(self, size: int) -> bytes:
        if not self._is_gzip:
            piece, self._left = self._left[:size], self._left[size:]
            return piece
        if self._inflater.eof:  # another member, or what follows the last one
            if not self._left.startswith(_MAGIC):
                self._left = b""
                return b""
            self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        try:
            piece = self._inflater.decompress(self._left, size)
        except zlib.error as error:
            raise BrokenTransferError(self._url, "the body is not compressed as it says") from error
        self._left = self._inflater.unconsumed_tail or self._inflater.unused_data
        return piece
