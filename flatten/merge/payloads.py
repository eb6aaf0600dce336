"""Payloads on their way from a chunk to the content store."""

from __future__ import annotations

from pathlib import Path

from flatten.tar.sparse import SparseFile
from pyext4.buffer import Buffer
from pyext4.content import ContentStore, Span
from pyext4.tree import File, Openable

__all__ = ["Payloads"]


class Payloads:
    """Collects the pieces of files that a chunk holds, and hands them over in one call."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self.spans: list[Span] = []  # always the same list: the merge appends to it
        self.receiving: Openable | None = None  # where the current payload goes; None: nowhere
        self._sparse: tuple[File, SparseFile] | None = None
        self._chunk: Buffer = b""

    def begin(self, chunk: Buffer) -> None:
        """Move on to the next chunk."""
        self._chunk = chunk

    def skip(self) -> None:
        """Discard the payload that follows, if any."""
        self.receiving = None
        self._sparse = None

    def start(self, file: File, position: int, here: int) -> None:
        """Send the payload that follows to `file`, and set its content."""
        self.receiving = file.content = self._store.allocate(file.size)
        self.resume(0, position, here)

    def start_sparse(self, file: File, sparse: SparseFile, position: int, here: int) -> None:
        """Send a sparse member's payload to `file`, and set its content."""
        self._sparse = (file, sparse)
        self._allocate_sparse()
        self.resume(0, position, here)

    def resume(self, offset: int, position: int, length: int) -> None:
        """Take a piece of the current payload from the chunk's `position`."""
        if self._sparse is not None:
            _, sparse = self._sparse
            pieces = sparse.take(memoryview(self._chunk)[position : position + length], position)
            self._allocate_sparse()
            assert self.receiving is not None or not pieces
            self.spans.extend((self.receiving, *piece) for piece in pieces if self.receiving)
        elif self.receiving is not None:
            self.spans.append((self.receiving, offset, position, length))

    def finish(self) -> None:
        """Place what has been collected; the chunk may then be overwritten."""
        if self.spans:
            self._store.place(self._chunk, self.spans)
            self.spans.clear()

    def release(self, file: File, *, recent: bool) -> None:
        """Give a file's place back; bytes of a `recent` one may wait here, and are placed first."""
        if recent:
            self.finish()
        content = file.content
        assert not isinstance(content, (bytes, Path))
        assert not callable(content)
        self._store.release(content)

    def _allocate_sparse(self) -> None:
        assert self._sparse is not None
        file, sparse = self._sparse
        if self.receiving is None and sparse.segments is not None and sparse.size:
            self.receiving = file.content = self._store.allocate(sparse.size, sparse.segments)
