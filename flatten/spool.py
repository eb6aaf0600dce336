"""The default content store: one unnamed temporary file.

It holds one content after another, holes included (the file is sparse). The file lives as
long as anything refers to a content in it, and has no name from the start, so nothing is left
over whatever happens.
"""

from __future__ import annotations

import io
import os
import weakref
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from pyext4.buffer import Buffer
from pyext4.content import Segment, Span

__all__ = ["Spool"]

IOV_MAX = 1024  # sysconf(_SC_IOV_MAX) on Linux


class _Reader(io.RawIOBase):
    """Reads one content, from a position of its own; keeps the spool alive."""

    def __init__(self, content: _Content, size: int) -> None:
        super().__init__()
        self._content = content
        self._position = 0
        self._size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        view = memoryview(buffer)[: self._size - self._position]
        content = self._content
        count = os.preadv(content.spool.fd, [view], content.offset + self._position)
        if count < len(view):  # a hole beyond the end of the file
            view[count:] = bytes(len(view) - count)
        self._position += len(view)
        return len(view)


class _Content:
    __slots__ = ("offset", "spool")

    def __init__(self, spool: Spool, offset: int) -> None:
        self.spool = spool
        self.offset = offset

    def open(self, size: int) -> BinaryIO:
        """Open the content from its beginning."""
        return io.BufferedReader(_Reader(self, size))


class Spool:
    """A content store over a temporary file."""

    def __init__(self, directory: str | None = None) -> None:
        """Open the file in `directory`, by default where the system keeps temporary files."""
        import tempfile  # noqa: PLC0415  # slow, and the command has its own store

        self.fd, name = tempfile.mkstemp(prefix="flatten-", dir=directory)
        self._directory = os.path.dirname(name)  # noqa: PTH120  (as below)
        weakref.finalize(self, os.close, self.fd)
        os.unlink(name)  # noqa: PTH108  (mkstemp returns str)
        self._end = 0

    def allocate(self, size: int, segments: Sequence[Segment] | None = None) -> _Content:
        """Reserve `size` bytes; what no segment covers stays a hole."""
        del segments  # a sparse file doesn't need them
        content = _Content(self, self._end)
        self._end += size
        return content

    def place(self, chunk: Buffer, spans: Iterable[Span]) -> None:
        """Write the pieces, adjacent ones in one call."""
        view = memoryview(chunk)
        run: list[memoryview] = []
        run_from = run_to = 0
        for content, offset, position, length in spans:
            assert isinstance(content, _Content)
            target = content.offset + offset
            if target != run_to or len(run) == IOV_MAX:
                self._write(run, run_from)
                run = []
                run_from = run_to = target
            run.append(view[position : position + length])
            run_to += length
        self._write(run, run_from)

    def release(self, content: object) -> None:
        """Do nothing: the unnamed file goes with the last reference to it."""

    def _write(self, pieces: list[memoryview], offset: int) -> None:
        left = sum(map(len, pieces))
        while left:
            try:
                written = os.pwritev(self.fd, pieces, offset)
            except OSError as error:
                error.filename = self._directory
                raise
            left -= written
            if left:  # cut short by a signal or a full disk; the next call tells which
                pieces = [memoryview(b"".join(pieces))[written:]]
                offset += written
