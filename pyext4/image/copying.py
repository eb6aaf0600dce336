"""Copy the contents of a tree into the image, unless they are already there.

Small contents are gathered, so that a thousand of them take one call to the kernel; `small_files`
handles those that are host files. Large host files are read straight into the windows that they
are written from.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from pyext4.content import HostFile, Segment, Span, open_content
from pyext4.errors import ContentError
from pyext4.image.small_files import SmallFiles
from pyext4.image.store import ImageStore, Stored
from pyext4.space.runs import Contents, Extent
from pyext4.tree import File, Node

__all__ = ["copy_contents"]

_BATCH_BYTES = 1 << 20


def copy_contents(
    store: ImageStore, nodes: Sequence[Node], path_of: Callable[[Node], bytes]
) -> Contents:
    """Copy contents that are not in the image yet, and return where everything is.

    Raises:
        ContentError: a content is shorter or longer than its node says.
        OSError: a content can't be read, or the image can't be written.
    """
    extents: list[tuple[Extent, ...]] = [()] * len(nodes)
    inline: dict[int, bytearray] = {}
    copier = _Copier(store, path_of)
    mine = _stored_here(store, nodes, copier)
    with SmallFiles(store, nodes, extents, inline, copier.wrong_size) as small:
        for index, node in enumerate(nodes):
            if type(node) is not File:
                continue
            content = node.content
            if isinstance(content, Path):
                content = HostFile(os.fsencode(content))
            if isinstance(content, HostFile) and 0 < node.size <= store.block_size:
                small.add(index, node.size, content.name)  # too small for holes worth finding
                continue
            if isinstance(content, Stored) and mine.get(content) == index:
                stored: Stored | None = content
            else:
                small.settle()
                stored = copier.copy(node)
            if stored is not None:
                extents[index] = stored.extents
                if stored.inline is not None:
                    inline[index] = stored.inline
        small.finish()
        copier.flush()
    return Contents(extents, {index: bytes(content) for index, content in inline.items()})


def _stored_here(store: ImageStore, nodes: Sequence[Node], copier: _Copier) -> dict[Stored, int]:
    """Return the contents that already have blocks, each with the first node that has it.

    The tree may have changed since they were stored: blocks of contents that no node has any
    more are released, and a second node with the same content gets a copy.
    """
    mine: dict[Stored, int] = {}
    for index, node in enumerate(nodes):
        if type(node) is File and type(content := node.content) is Stored:
            if content.size != node.size:
                raise copier.wrong_size(node, content.size)
            if content.store is store:
                if content.released:
                    raise copier.lost(node, content)
                mine.setdefault(content, index)
    store.keep_only(mine)
    return mine


class _Copier:
    """Copies contents of all kinds except those that `SmallFiles` takes."""

    def __init__(self, store: ImageStore, path_of: Callable[[Node], bytes]) -> None:
        self._store = store
        self._path_of = path_of
        self._pieces: list[bytes] = []
        self._spans: list[Span] = []
        self._gathered = 0

    def copy(self, node: File) -> Stored | None:
        """Copy one file, None for an empty one; small ones may wait for `flush`."""
        content = node.content
        if isinstance(content, bytes):
            return self._add(node, content)
        if isinstance(content, Path):
            return self._copy_host_file(node, os.fsencode(content))
        if isinstance(content, HostFile):
            return self._copy_host_file(node, content.name)
        if isinstance(content, Stored):
            return self._copy_stored(node, content)
        opened = open_content(node)
        if not hasattr(opened, "read"):
            raise self._no_bytes(node, opened)
        with opened as stream:
            if node.size <= _BATCH_BYTES:
                return self._add(node, self._read(node, stream, node.size + 1))
            stored = self._store.allocate(node.size)
            offset = 0
            while offset < node.size:
                chunk = self._read(node, stream, min(_BATCH_BYTES, node.size - offset))
                if not chunk:
                    raise self.wrong_size(node, offset)
                self._store.place(chunk, ((stored, offset, 0, len(chunk)),))
                offset += len(chunk)
            if stream.read(1):
                raise self.wrong_size(node, offset + 1)
            return stored

    def _add(self, node: File, content: bytes) -> Stored | None:
        if len(content) != node.size:
            raise self.wrong_size(node, len(content))
        if not content:
            return None
        stored = self._store.allocate(node.size)
        self._spans.append((stored, 0, self._gathered, len(content)))
        self._pieces.append(content)
        self._gathered += len(content)
        if self._gathered >= _BATCH_BYTES:
            self.flush()
        return stored

    def flush(self) -> None:
        """Write the gathered contents."""
        if self._pieces:
            self._store.place(b"".join(self._pieces), self._spans)
        self._pieces, self._spans, self._gathered = [], [], 0

    def _copy_host_file(self, node: File, name: bytes) -> Stored | None:
        source = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            segments = _segments(source, node.size)
            if segments is None and node.size <= _BATCH_BYTES:
                return self._add(node, os.read(source, node.size + 1))
            return self._copy_large(node, source, segments)
        finally:
            os.close(source)

    def _copy_large(self, node: File, source: int, segments: list[Segment] | None) -> Stored:
        size = os.fstat(source).st_size
        if size != node.size:
            raise self.wrong_size(node, size)
        stored = self._store.allocate(node.size, segments)
        end = self._store.copy_from(source, stored, node.size)
        if end < node.size:
            raise self.wrong_size(node, end)
        return stored

    def _copy_stored(self, node: File, source: Stored) -> Stored | None:
        """Copy a content from this image or another one, with its holes."""
        if source.store is not self._store and source.lost:
            raise self.lost(node, source)
        self.flush()  # it may be among those that wait
        with source.open(node.size) as stream:
            segments = source.segments
            if segments is None and node.size <= _BATCH_BYTES:
                return self._add(node, stream.read(node.size))
            stored = self._store.allocate(node.size, segments)
            for offset, length in ((0, node.size),) if segments is None else segments:
                stream.seek(offset)
                end = offset + length
                for at in range(offset, end, _BATCH_BYTES):
                    piece = stream.read(min(_BATCH_BYTES, end - at))
                    self._store.place(piece, ((stored, at, 0, len(piece)),))
        return stored

    def _read(self, node: File, stream: BinaryIO, size: int) -> bytes:
        data = stream.read(size)
        if not isinstance(data, bytes):
            raise self._no_bytes(node, data)
        return data

    def _no_bytes(self, node: File, found: object) -> TypeError:
        path = self._path_of(node).decode(errors="backslashreplace")
        return TypeError(f"{path}: content: must open a stream of bytes, gave: {found!r:.60}")

    def lost(self, node: File, content: Stored) -> ContentError:
        """Return the error for a content whose bytes are gone."""
        return ContentError(self._path_of(node), f"its content {content.lost}")

    def wrong_size(self, node: File, found: int) -> ContentError:
        """Return the error for a content of `found` bytes; any larger number means longer."""
        how = "is longer" if found > node.size else f"ends at {found}"
        return ContentError(self._path_of(node), f"its content {how}, but its size is: {node.size}")


def _segments(fd: int, size: int) -> list[Segment] | None:
    """Return where a host file has data, or None if it has no holes worth keeping."""
    if os.fstat(fd).st_blocks * 512 >= size:
        return None
    segments: list[Segment] = []
    offset = 0
    while offset < size:
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no more data
                break
            raise
        offset = os.lseek(fd, start, os.SEEK_HOLE)
        segments.append((start, min(offset, size) - start))
    os.lseek(fd, 0, os.SEEK_SET)
    return segments
