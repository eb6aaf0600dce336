"""The body of a successful answer, as it was sent or without its Content-Encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

from pull.errors import SizeMismatchError
from pull.registry.encodings import Gunzip, gzips_in
from pull.registry.wire import Answer

__all__ = ["Body"]

_PIECE_BYTES = 1 << 16


class Body:
    """A body to be read once; a context manager that gives the connection back."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.url = answer.url
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._gzips = gzips_in(self.headers.get("content-encoding", ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection if there is something left to read, else keep it."""
        self._answer.close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Read bytes as they were sent, as many as `buffer` holds; fewer only at the end.

        Raises:
            BrokenTransferError: The connection broke, or ended before the announced length.
        """
        return self._answer.readinto(buffer)

    @property
    def is_encoded(self) -> bool:
        """Tell whether the body is said to be compressed."""
        return self._gzips > 0

    def decoded(self) -> Callable[[memoryview], int]:
        """Return a function like `readinto` that gives the content without its coding."""
        read = self.readinto
        for _ in range(self._gzips):
            read = Gunzip(read, self.url).readinto
        return read

    def read_all(self, limit: int) -> bytes:
        """Return the whole body without its coding, which must be at most `limit` bytes.

        Raises:
            SizeMismatchError: It is larger.
            BrokenTransferError: See `readinto`.
        """
        body = bytearray()
        piece = memoryview(bytearray(_PIECE_BYTES))
        read = self.decoded()
        while count := read(piece):
            body += piece[:count]
            if len(body) > limit:
                raise SizeMismatchError(self.url, expected=limit, actual="more than this limit")
        return bytes(body)
