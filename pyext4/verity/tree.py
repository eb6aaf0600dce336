"""The hash tree: levels of blocks full of digests, up to a block whose digest is the root hash.

The lowest level has the digests of the data's blocks, each higher level those of the blocks below.
The rest of a level's last block is zero. The highest level comes first. A single block of data
needs no level: its own digest is the root hash.

Levels are made one after another, from the file: each is a 128th of the one below, so reading that
again costs little, and memory holds only the pieces being hashed.

Source: lib/verity/verity_hash.c of cryptsetup; Documentation/admin-guide/device-mapper/verity.rst
of the kernel (hash type 1).
"""

from __future__ import annotations

import errno
import mmap
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Self

from pyext4 import native
from pyext4.numbers import ceil_div
from pyext4.verity.result import HASH_BLOCK_BYTES
from pyext4.verity.segments import Segment, segments

__all__ = ["levels", "write_tree"]

_DIGEST_BYTES: Final = 32  # of sha256
_FANOUT: Final = HASH_BLOCK_BYTES // _DIGEST_BYTES
_PIECE_BYTES: Final = 1 << 20  # read and hashed at once
# hashlib takes and releases the interpreter's lock for each block: two threads take longer than one
_WORKERS: Final = min(len(os.sched_getaffinity(0)), 8) if native.has_sha256() else 1
_AHEAD: Final = 2 * _WORKERS
_WRITE_BYTES: Final = 256 << 10


def levels(data_blocks: int) -> list[int]:
    """Return how many blocks each level has, the lowest first."""
    counts = []
    while data_blocks > 1:
        data_blocks = ceil_div(data_blocks, _FANOUT)
        counts.append(data_blocks)
    return counts


def write_tree(
    fd: int, offset: int, *, data_blocks: int, data_block_bytes: int, salt: bytes
) -> bytes:
    """Write the tree over the first `data_blocks` of `fd` to `offset`; return the root hash.

    Raises:
        OSError: reading or writing failed.
    """
    source = _Source(0, data_blocks * data_block_bytes, data_block_bytes)
    counts = levels(data_blocks)
    begin = offset + sum(counts) * HASH_BLOCK_BYTES
    with _Hasher(fd, salt) as hasher:
        for count in counts:
            length = count * HASH_BLOCK_BYTES
            begin -= length
            position = begin
            for blocks in _in_blocks(hasher.digests(source)):
                _write_all(fd, blocks, position)
                position += len(blocks)
            source = _Source(begin, length, HASH_BLOCK_BYTES)
        return b"".join(hasher.digests(source))


def _in_blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join pieces into whole hash blocks, a few at a time; the last is padded with zeros."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _WRITE_BYTES:
            whole = len(waiting) - len(waiting) % HASH_BLOCK_BYTES
            yield bytes(waiting[:whole])
            del waiting[:whole]
    if waiting:
        yield bytes(waiting) + bytes(-len(waiting) % HASH_BLOCK_BYTES)


@dataclass(frozen=True, slots=True)
class _Source:
    """The range of the file that a level has the digests of, in whole blocks."""

    offset: int
    length: int
    block_size: int


class _Hasher:
    """Reads and hashes pieces of a file, side by side, and gives the digests in order."""

    def __init__(self, fd: int, salt: bytes) -> None:
        self._fd = fd
        self._salt = salt
        self._buffers: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(_WORKERS):
            self._buffers.put(memoryview(mmap.mmap(-1, _PIECE_BYTES)))
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="pyext4 verity")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def digests(self, source: _Source) -> Iterator[bytes]:
        """Yield the digests of a range, a piece at a time."""
        of_hole = native.block_digests(bytes(source.block_size), source.block_size, self._salt)
        waiting: deque[bytes | Future[bytes]] = deque()
        pieces = segments(
            self._fd,
            source.offset,
            source.length,
            block_size=source.block_size,
            most=_PIECE_BYTES,
        )
        for piece in pieces:
            if piece.is_hole:
                waiting.append(of_hole * (piece.length // source.block_size))
            else:
                waiting.append(self._pool.submit(self._hash, piece, source.block_size))
            if len(waiting) > _AHEAD:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())

    def _hash(self, piece: Segment, block_size: int) -> bytes:
        buffer = self._buffers.get()
        try:
            data = buffer[: piece.length]
            _read_all(self._fd, data, piece.offset)
            return native.block_digests(data, block_size, self._salt)
        finally:
            self._buffers.put(buffer)


def _result(waited: bytes | Future[bytes]) -> bytes:
    return waited if isinstance(waited, bytes) else waited.result()


def _read_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        done = os.preadv(fd, [data], offset)
        if done == 0:
            raise OSError(errno.EIO, "the file has become shorter")
        data, offset = data[done:], offset + done


def _write_all(fd: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        done = os.pwrite(fd, left, offset)
        left, offset = left[done:], offset + done
