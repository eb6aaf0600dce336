"""Where file bytes come from and where they go: the interfaces, and how any content is opened.

`flatten` writes into a `ContentStore` while it merges. The store reserves a place for a file once
the tar header has given its size, receives the payload piece by piece as it is decompressed, and
takes the place back when a later layer hides the file. `pyext4.image.store` implements it over the
image being written, `flatten.spool` over a temporary file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TypeAlias

from pyext4.buffer import Buffer
from pyext4.tree import File, Openable

__all__ = [
    "ContentStore",
    "FileRange",
    "HostFile",
    "RangeReader",
    "Segment",
    "Span",
    "open_content",
]

Segment: TypeAlias = tuple[int, int]
"""(offset in the file, length), both in bytes: a stretch of data between holes."""

Span: TypeAlias = tuple[Openable, int, int, int]
"""(what `allocate` returned, offset in the file, offset in the chunk, length), in bytes."""


class ContentStore(Protocol):
    """Keeps the bytes of regular files on their way into an image."""

    def allocate(self, size: int, segments: Sequence[Segment] | None = None) -> Openable:
        """Reserve a place for a file of `size` bytes (1 or more) and return it.

        `segments` names the data of a sparse file in ascending order; None means all of it.
        """
        ...

    def place(self, chunk: Buffer, spans: Iterable[Span]) -> None:
        """Write pieces of `chunk` to the places they belong to.

        The pieces of one file come in ascending order and cover its segments exactly, though
        over any number of calls.
        """
        ...

    def release(self, content: Openable) -> None:
        """Give up a place; its bytes must not be readable in anything made from the store."""
        ...


class RangeReader(io.RawIOBase):
    """Reads `size` bytes of a file from `offset`."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        """Take over `file`, which is closed with this reader."""
        super().__init__()
        self._file = file
        self._left = size
        file.seek(offset)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        """Read into `buffer`, up to the end of the stretch; return 0 at its end."""
        view = memoryview(buffer)[: self._left]
        count = self._file.readinto(view)  # type: ignore[attr-defined]
        self._left -= count
        return int(count)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


class HostFile(NamedTuple):
    """A whole host file; its name may be bytes. Lighter than a Path, for many files."""

    name: bytes

    def open(self, size: int) -> BinaryIO:
        """Open the file, whatever its size; raises OSError like any open."""
        del size
        return open(self.name, "rb")  # noqa: PTH123  Path has no bytes


class FileRange(NamedTuple):
    """A stretch of a host file, beginning `offset` bytes into it."""

    path: Path
    offset: int

    def open(self, size: int) -> BinaryIO:
        """Open the stretch; raises OSError like any open."""
        return io.BufferedReader(RangeReader(self.path.open("rb"), self.offset, size))


def open_content(file: File) -> BinaryIO:
    """Open a file's bytes, from any kind of content; the caller closes the stream."""
    content = file.content
    if isinstance(content, bytes):
        return io.BytesIO(content)
    if isinstance(content, Path):
        return content.open("rb")
    if callable(content):
        return content()
    return content.open(file.size)
