"""The content store over the image being written: bytes go to their blocks as they arrive."""

from __future__ import annotations

import bisect
import io
import operator
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pyext4.buffer import Buffer
from pyext4.content import Segment, Span
from pyext4.image.erasure import erase
from pyext4.image.sink import Piece, Sink
from pyext4.native.rows import SPAN
from pyext4.numbers import MAX_32, ceil_div
from pyext4.space.allocator import Allocator
from pyext4.space.runs import Extent, Run, from_runs
from pyext4.tree import Openable

__all__ = ["ImageStore", "Stored"]


@dataclass(slots=True, eq=False)  # a frozen one takes three times as long to make
class Stored:
    """The place of one file's bytes: extents in ascending logical order, holes between them.

    With inline_data a small file has no extents: its bytes wait here for their inode.
    """

    store: ImageStore
    extents: tuple[Extent, ...]
    size: int  # of the file, in bytes
    inline: bytearray | None = None
    released: bool = False

    def __copy__(self) -> Stored:
        """Return the place itself: two places can't have the same blocks."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Stored:
        """Return the place itself, so that trees and nodes can be copied."""
        return self

    @property
    def lost(self) -> str:
        """Why the bytes are gone, in the words of an error; empty if they aren't."""
        if self.released:
            return "was released from its store"
        if self.inline is None and self.store.fd < 0:
            return "is in an image that is closed"
        if any(self.store.is_beyond(start + blocks) for _, start, blocks in self.extents):
            return "did not fit into the image that it was stored in"
        return ""

    @property
    def segments(self) -> list[Segment] | None:
        """Where the data between holes is; None if there are no holes."""
        block = self.store.block_size
        if (
            self.inline is not None
            or sum(extent.blocks for extent in self.extents) * block >= self.size
        ):
            return None
        return [
            (logical * block, min(blocks * block, self.size - logical * block))
            for logical, _, blocks in self.extents
        ]

    def open(self, size: int) -> BinaryIO:
        """Open the bytes, seekable; holes read as zero."""
        if self.inline is not None:
            return io.BytesIO(bytes(self.inline))
        return io.BufferedReader(_StoredReader(self, size))


class ImageStore:
    """Places file bytes in an image file; see `pyext4.content.ContentStore`.

    Beyond `limit_blocks` the store goes on counting but writes nothing, so that the error for an
    exact size that is too small can name the size that is enough.
    """

    def __init__(
        self,
        fd: int,
        allocator: Allocator,
        block_size: int,
        *,
        limit_blocks: int | None = None,
        inline_bytes: int = 0,
        begin: int = 0,
    ) -> None:
        self.fd = fd
        self.begin = begin  # the byte of the file where the image begins
        self._sink = Sink(fd, block_size, begin=begin)
        self._inline_bytes = inline_bytes  # files up to this size wait for their inodes
        self.allocator = allocator
        self.block_size = block_size
        self.data_blocks = 0
        self._limit = (1 << 63) if limit_blocks is None else limit_blocks * block_size

    def max_file_bytes(self, *, huge_file: bool) -> int:
        """Return how large a file can be: logical blocks have 32-bit numbers.

        Without huge_file, the units of 512 bytes in i_blocks have 32 bits too (ext4_max_size of
        fs/ext4/super.c).
        """
        if huge_file:
            return MAX_32 * self.block_size
        return MAX_32 // (self.block_size // 512) * self.block_size

    def allocate(self, size: int, segments: Sequence[Segment] | None = None) -> Stored:
        """Reserve blocks for a file of `size` bytes, or only for its segments if given."""
        if segments is not None:
            return self._allocate_sparse(size, segments)
        if size <= self._inline_bytes:
            return Stored(self, (), size, bytearray(size))
        blocks = ceil_div(size, self.block_size)
        self.data_blocks += blocks
        runs = self.allocator.allocate(blocks)
        if len(runs) == 1:
            return Stored(self, (Extent(0, runs[0].start, blocks),), size)
        return Stored(self, tuple(from_runs(runs)), size)

    def _allocate_sparse(self, size: int, segments: Sequence[Segment]) -> Stored:
        """Cover each segment with never-used blocks: they must be zero around the data."""
        extents: list[Extent] = []
        covered = 0  # the logical block after the last extent
        for offset, length in segments:
            first = max(offset // self.block_size, covered)
            end = ceil_div(offset + length, self.block_size)
            if length and end > first:
                self.data_blocks += end - first
                extents.extend(from_runs(self.allocator.behind(end - first), first))
                covered = end
        return Stored(self, tuple(_joined(extents)), size)

    def place(self, chunk: Buffer, spans: Iterable[Span]) -> None:
        """Write pieces of `chunk`; the rest of a file's last block is written as zeros."""
        rows = bytearray()
        pack = SPAN.pack
        size = self.block_size
        for stored, offset, chunk_offset, length in spans:
            extents: tuple[Extent, ...] = stored.extents  # type: ignore[attr-defined]
            if not extents:
                inline: bytearray = stored.inline  # type: ignore[attr-defined]
                inline[offset : offset + length] = chunk[chunk_offset : chunk_offset + length]
                continue
            logical, start, _ = extents[0]
            if len(extents) == 1 and logical == 0:
                image_offset = start * size + offset
                end = image_offset + length
                if end <= self._limit:
                    rows += pack(image_offset, chunk_offset, length, -end % size)
            else:
                self._scatter(rows, extents, offset, chunk_offset, length)
        if rows:
            self._sink.place(chunk, rows)

    def _scatter(
        self,
        rows: bytearray,
        extents: Sequence[Extent],
        offset: int,
        chunk_offset: int,
        length: int,
    ) -> None:
        """Cut a span at the borders of extents."""
        size = self.block_size
        end = offset + length
        first = bisect.bisect_right(extents, offset // size, key=operator.attrgetter("logical")) - 1
        for number in range(max(first, 0), len(extents)):
            logical, start, blocks = extents[number]
            if logical * size >= end:
                break
            low = max(offset, logical * size)
            high = min(end, (logical + blocks) * size)
            if low < high:
                image_offset = start * size + low - logical * size
                if image_offset + high - low <= self._limit:
                    zeros = -end % size if high == end else 0
                    row = (image_offset, chunk_offset + low - offset, high - low, zeros)
                    rows += SPAN.pack(*row)

    def release(self, content: Openable) -> None:
        """Make the blocks of a file available again; `punch_holes` erases those that stay unused.

        Raises:
            ValueError: the place belongs to another store, or was already released.
        """
        if not isinstance(content, Stored) or content.store is not self or content.released:
            msg = "release of a content that has no place in this store"
            raise ValueError(msg)
        content.released = True
        for _, start, blocks in content.extents:
            self.data_blocks -= blocks
            self.allocator.release(Run(start, blocks))

    def keep_only(self, kept: Collection[Stored]) -> None:
        """Release all blocks except those of the files in `kept`, which lists each file once.

        No places are recorded while data comes in: unused blocks are found by looking between the
        used ones, and mostly all blocks that were handed out are in use.
        """
        if sum([extent.blocks for stored in kept for extent in stored.extents]) == self.data_blocks:
            return
        taken = [Run(start, blocks) for stored in kept for _, start, blocks in stored.extents]
        for start, blocks in list(self.allocator.unused(taken)):
            self.data_blocks -= blocks
            self.allocator.release(Run(start, blocks))

    def copy_from(
        self, source: int, stored: Stored, size: int, advance: Callable[[int], None]
    ) -> int:
        """Copy a file of `size` bytes from a descriptor, without its holes; return where it ended.

        `advance` is told each piece's bytes; what it raises ends the copying.

        Raises:
            OSError: reading or writing failed.
        """
        block = self.block_size
        for logical, start, blocks in stored.extents:
            offset = logical * block
            length = min(blocks * block, size - offset, self._limit - start * block)
            if length > 0:
                copied = self._sink.copy(source, offset, start * block, length, advance)
                if copied < length:
                    return offset + copied
        return size

    def write(self, data: Buffer, runs: Iterable[Run]) -> None:
        """Write whole blocks to the runs (first block, count) one after another."""
        size = self.block_size
        rows = bytearray()
        offset = 0
        for start, blocks in runs:
            length = blocks * size
            if (start + blocks) * size <= self._limit:
                rows += SPAN.pack(start * size, offset, length, 0)
            offset += length
        if rows:
            self._sink.place(data, rows)

    def keep_checksums(self) -> None:
        """Note what is written from now on; see `written`."""
        self._sink.written = []

    def came(self, pieces: Iterable[Piece]) -> None:
        """Note what came into the file in another way, if what is written is noted."""
        if self._sink.written is not None:
            self._sink.written += pieces

    @property
    def written(self) -> Sequence[Piece]:
        """What was written or came since `keep_checksums`, in this order; flush before."""
        return self._sink.written or ()

    def flush(self) -> None:
        """Wait until everything placed or written is in the file; raises OSError."""
        self._sink.flush()

    def is_beyond(self, block: int) -> bool:
        """Tell whether blocks before `block` exceed the limit, so that some were not written."""
        return block * self.block_size > self._limit

    def close(self) -> None:
        """Release what the store holds open, and forget `fd`, which its owner closes."""
        self._sink.close()
        self.fd = -1  # the number may soon be another file's

    def punch_holes(self) -> None:
        """Erase the blocks that were released and not used again."""
        self._sink.flush()
        for start, blocks in self.allocator.holes():
            at = self.begin + start * self.block_size
            erase(self.fd, at, blocks * self.block_size)


def _joined(extents: Iterable[Extent]) -> list[Extent]:
    """Join extents that touch both in the file and on the disk."""
    out: list[Extent] = []
    for extent in extents:
        if out and out[-1].touches(extent):
            out[-1] = out[-1]._replace(blocks=out[-1].blocks + extent.blocks)
        else:
            out.append(extent)
    return out


class _StoredReader(io.RawIOBase):
    """Reads a stored file back from the image."""

    def __init__(self, stored: Stored, size: int) -> None:
        super().__init__()
        stored.store.flush()
        self._stored = stored
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        view = memoryview(buffer)[: max(self._size - self._position, 0)]
        if not view:
            return 0
        store = self._stored.store
        block = store.block_size
        for logical, start, blocks in self._stored.extents:
            low, high = logical * block, (logical + blocks) * block
            if self._position < low:  # a hole lies before this extent
                count = min(len(view), low - self._position)
                view[:count] = bytes(count)
                break
            if self._position < high:
                count = min(len(view), high - self._position)
                at = store.begin + start * block + self._position - low
                piece = os.pread(store.fd, count, at)
                # anything not yet written, past the current end of the file, reads as zero
                view[:count] = piece + bytes(count - len(piece))
                break
        else:
            count = len(view)
            view[:count] = bytes(count)
        self._position += count
        return count
