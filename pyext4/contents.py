"""Copying the contents of a tree into the image, where they are not there already.

Small files are gathered, so that a thousand of them take one call to the kernel; large host files
are read straight into the windows that they are written from.
"""

from __future__ import annotations

import errno
import os
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeAlias

from pyext4 import native
from pyext4.content import HostFile, Segment, Span, open_content
from pyext4.errors import ContentError
from pyext4.store import Extent, ImageStore, Stored
from pyext4.tree import File, Node

__all__ = ["Placed", "place_contents"]

_BATCH_BYTES = 1 << 20
_BATCH_FILES = 512


@dataclass(slots=True)
class Placed:
    """Where the contents are now."""

    extents: list[tuple[Extent, ...]] = field(default_factory=list)  # of node i; () for no file
    inline: dict[int, bytes] = field(default_factory=dict)  # contents that stand in their inodes


def place_contents(
    store: ImageStore, nodes: Sequence[Node], path_of: Callable[[Node], bytes]
) -> Placed:
    """Copy what is not in the image yet, and return where everything is.

    Raises:
        ContentError: a content is shorter or longer than its node says.
        OSError: a content can't be read, or the image not be written.
    """
    with _Copier(store, path_of) as copier:
        return _place(store, nodes, copier)


def _place(store: ImageStore, nodes: Sequence[Node], copier: _Copier) -> Placed:
    extents: list[tuple[Extent, ...]] = []
    inline: dict[int, bytearray] = {}
    for index, node in enumerate(nodes):
        stored = None
        if type(node) is File:
            content = node.content
            if isinstance(content, Stored) and content.store is store:
                stored = content
            else:
                stored = copier.copy(node)
        extents.append(() if stored is None else stored.extents)
        if stored is not None and stored.inline is not None:
            inline[index] = stored.inline
    copier.flush()
    return Placed(extents, {index: bytes(content) for index, content in inline.items()})


_Waiting: TypeAlias = tuple[File, Stored, bytes]
"""A file, its place, and its name on the host."""


class _Copier:
    """Copies contents; one thread reads the next small host files while these are placed."""

    def __init__(self, store: ImageStore, path_of: Callable[[Node], bytes]) -> None:
        self._store = store
        self._path_of = path_of
        self._pieces: list[bytes] = []
        self._spans: list[Span] = []
        self._gathered = 0
        self._waiting: list[_Waiting] = []  # small host files to be read
        self._reading: tuple[Future[tuple[bytearray, list[int]]], list[_Waiting]] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="pyext4 reader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.shutdown()

    def copy(self, node: File) -> Stored | None:
        """Copy one file, None for an empty one; small ones may wait for `flush`."""
        content = node.content
        if isinstance(content, bytes):
            return self._add(node, content)
        if isinstance(content, Path):
            return self._copy_host_file(node, os.fsencode(content))
        if isinstance(content, HostFile):
            return self._copy_host_file(node, content.name)
        with open_content(node) as stream:
            if node.size <= _BATCH_BYTES:
                return self._add(node, stream.read(node.size + 1))
            stored = self._store.allocate(node.size)
            offset = 0
            while offset < node.size:
                chunk = stream.read(min(_BATCH_BYTES, node.size - offset))
                if not chunk:
                    raise self._wrong_size(node, f"ends at {offset}")
                self._store.place(chunk, ((stored, offset, 0, len(chunk)),))
                offset += len(chunk)
            if stream.read(1):
                raise self._wrong_size(node, "is longer")
            return stored

    def _add(self, node: File, content: bytes) -> Stored | None:
        if len(content) != node.size:
            longer = len(content) > node.size
            raise self._wrong_size(node, "is longer" if longer else f"ends at {len(content)}")
        if not content:
            return None
        stored = self._store.allocate(node.size)
        self._spans.append((stored, 0, self._gathered, len(content)))
        self._pieces.append(content)
        self._gathered += len(content)
        if self._gathered >= _BATCH_BYTES:
            self.flush()
        return stored

    def _begin_reading(self) -> None:
        """Let the reader read the host files that wait, and place those that it has read."""
        waiting, self._waiting = self._waiting, []
        names = [name for _, _, name in waiting]
        sizes = array("I", [node.size for node, _, _ in waiting])
        reading = self._reader.submit(native.read_files, names, sizes)
        self._finish_reading()
        self._reading = (reading, waiting)

    def _finish_reading(self) -> None:
        if self._reading is None:
            return
        reading, files = self._reading
        self._reading = None
        data, found = reading.result()
        spans: list[Span] = []
        at = 0
        for (node, stored, name), count in zip(files, found, strict=True):
            if count < 0:
                raise OSError(-count, os.strerror(-count), os.fsdecode(name))
            if count != node.size:
                longer = count > node.size
                raise self._wrong_size(node, "is longer" if longer else f"ends at {count}")
            spans.append((stored, 0, at, count))
            at += count
        self._store.place(data, spans)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._waiting:
            self._begin_reading()
        self._finish_reading()
        if self._pieces:
            self._store.place(b"".join(self._pieces), self._spans)
        self._pieces, self._spans, self._gathered = [], [], 0

    def _copy_host_file(self, node: File, name: bytes) -> Stored | None:
        if 0 < node.size <= self._store.block_size:  # such a file has no holes worth finding
            stored = self._store.allocate(node.size)
            self._waiting.append((node, stored, name))
            if len(self._waiting) == _BATCH_FILES:
                self._begin_reading()
            return stored
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
            raise self._wrong_size(node, "is longer" if size > node.size else f"ends at {size}")
        stored = self._store.allocate(node.size, segments)
        end = self._store.copy_from(source, stored, node.size)
        if end < node.size:
            raise self._wrong_size(node, f"ends at {end}")
        return stored

    def _wrong_size(self, node: File, how: str) -> ContentError:
        return ContentError(self._path_of(node), f"its content {how}, but its size is: {node.size}")


def _segments(fd: int, size: int) -> list[Segment] | None:
    """Return where a host file has data, None where it has no holes to speak of."""
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
