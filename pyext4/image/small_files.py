"""Host files of up to one block: many are read with one call, and placed like a single file.

If blocks are handed out one after the other, N one-block files get exactly the blocks that one file
of N blocks would get. So a batch is allocated and placed as one file, which costs little more than
one file. A thread reads each file to its place among the batch's blocks, followed by zeros, while
earlier batches are placed. If holes must be filled first, or files may be kept in their inodes,
each file is given a place of its own, and the rest works the same way.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from pyext4 import native
from pyext4.collector import no_collection
from pyext4.content import Span
from pyext4.errors import ContentError
from pyext4.image.progress import Meter
from pyext4.image.store import ImageStore
from pyext4.space.runs import Extent
from pyext4.structures.xattrs import INLINE_MAX_BYTES
from pyext4.tree import File, Node

__all__ = ["SmallFiles"]

_BATCH_FILES = 512
_BATCHES_AHEAD = 3


class _Batch:
    """Files that are read with one call."""

    def __init__(self) -> None:
        self.indexes: list[int] = []  # of the nodes
        self.names: list[bytes] = []
        self.sizes = array("I")
        self.spans: list[Span] = []  # of the files that have blocks
        self.settled = 0  # the number of those files


class SmallFiles:
    """Copies small host files; `extents` and `inline` become those of `Contents`."""

    def __init__(
        self,
        store: ImageStore,
        nodes: Sequence[Node],
        extents: list[tuple[Extent, ...]],
        inline: dict[int, bytearray],
        wrong_size: Callable[[File, int], ContentError],
        *,
        meter: Meter,
    ) -> None:
        """Take what `copy_contents` has; `wrong_size` turns a count of bytes into an error."""
        self._store = store
        self._nodes = nodes
        self._extents = extents
        self._inline = inline
        self._wrong_size = wrong_size
        self._meter = meter
        # nothing is released while contents are placed: without holes now there will be none
        self._holes = store.allocator.largest_hole > 0
        self._may_be_inline = True  # until one that is small enough gets blocks instead
        self._indexes = array("I")  # of the nodes that were given
        self._blocks = array("Q")  # these blocks, one each
        self._batch = _Batch()
        self._reading: deque[tuple[Future[tuple[int, int] | None], _Batch, bytearray]] = deque()
        self._buffers: list[bytearray] = []  # not in use
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="pyext4 reader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the thread; bytes that it has read may be lost."""
        self._reader.shutdown()

    def add(self, index: int, size: int, name: bytes) -> None:
        """Queue a file to be read with others."""
        batch = self._batch
        batch.indexes.append(index)
        batch.sizes.append(size)
        batch.names.append(name)
        if len(batch.names) == _BATCH_FILES:
            self._read()

    def settle(self) -> None:
        """Give blocks to the queued files that have none; nothing else may get blocks before."""
        batch = self._batch
        first, batch.settled = batch.settled, len(batch.names)
        if first == batch.settled:
            return
        sizes = batch.sizes[first:]
        if self._holes or (self._may_be_inline and min(sizes) <= INLINE_MAX_BYTES):
            self._settle_each(batch, first)
            return
        block = self._store.block_size
        stored = self._store.allocate(len(sizes) * block)
        batch.spans.append((stored, 0, first * block, len(sizes) * block))
        self._indexes.extend(batch.indexes[first:])
        for _, start, blocks in stored.extents:
            self._blocks.extend(range(start, start + blocks))

    def _settle_each(self, batch: _Batch, first: int) -> None:
        for position in range(first, len(batch.names)):
            index, size = batch.indexes[position], batch.sizes[position]
            stored = self._store.allocate(size)
            self._extents[index] = stored.extents
            if stored.inline is not None:
                self._inline[index] = stored.inline
            elif size <= INLINE_MAX_BYTES:
                self._may_be_inline = False
            batch.spans.append((stored, 0, position * self._store.block_size, size))

    def finish(self) -> None:
        """Place all queued files.

        Raises:
            ContentError: a file is shorter or longer than its node says.
            OSError: a file can't be read, or the image can't be written.
        """
        if self._batch.names:
            self._read()
        while self._reading:
            self._place()
        # all at once: with pauses between batches the collector would look at the whole tree
        with no_collection():
            for index, block in zip(self._indexes, self._blocks, strict=True):
                self._extents[index] = (Extent(0, block, 1),)

    def _read(self) -> None:
        """Let the thread read the queued files, and place those of earlier batches."""
        self.settle()
        batch, self._batch = self._batch, _Batch()
        block = self._store.block_size
        buffer = self._buffers.pop() if self._buffers else bytearray(len(batch.names) * block + 1)
        reading = self._reader.submit(native.read_files, batch.names, batch.sizes, block, buffer)
        self._reading.append((reading, batch, buffer))
        if len(self._reading) > _BATCHES_AHEAD:
            self._place()

    def _place(self) -> None:
        reading, batch, buffer = self._reading.popleft()
        bad = reading.result()
        if bad is not None:
            number, found = bad
            if found < 0:
                raise OSError(-found, os.strerror(-found), os.fsdecode(batch.names[number]))
            node = self._nodes[batch.indexes[number]]
            assert isinstance(node, File)
            raise self._wrong_size(node, found)
        self._store.place(buffer, batch.spans)
        self._meter.advance(sum(batch.sizes))
        self._buffers.append(buffer)
