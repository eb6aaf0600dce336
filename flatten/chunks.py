"""The tar bytes of all layers, decompressed and hashed beside the thread that uses them.

A few layers are under way at once, the lowest first. Each has a thread that decompresses into
buffers and one that hashes what stands in them for the diff_id, while the caller scans and places
the lowest layer's; each of them spends its time in C code that has released the interpreter lock.
A buffer is filled again once both readers are done with it. The layers above the caller's run
ahead only as far as their buffers reach, so the memory is bounded, and a processor that the lowest
layer leaves idle has something to do.

What the caller sees (the chunks, their sizes, errors and where they come) does not depend on who
was faster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from flatten.buffers import CHUNK_BYTES, Buffers, Lease
from flatten.decompress import DAMAGE, Counted, Source, open_tar
from flatten.errors import DiffIdError, LayerError
from flatten.source import Layer

__all__ = ["Chunk", "ChunkPipeline"]

AHEAD_BYTES = 64 << 20  # decompressed and not used yet, of all layers under way together
_READERS = 2  # of each chunk: the caller and the hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a layer's tar; `data` is valid until the next one is asked for."""

    data: memoryview
    compressed_bytes: int  # read of the layer so far


class _CancelledError(Exception):
    """The caller has left: ends a task whose outcome nobody asks for."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One layer under way; None in a queue is its end."""

    to_scan: SimpleQueue[tuple[Lease, int] | None]
    to_hash: SimpleQueue[Lease | None]
    decompressed: Future[None]
    hashed: Future[str]


class ChunkPipeline:
    """Runs the threads, from entering the context to leaving it."""

    def __init__(self, layers: Sequence[Layer], workers: int = 2) -> None:
        """Prepare to decompress `layers` in order, `workers` of them at a time."""
        self._layers = layers
        self._cancelled = False
        self._damaged = len(layers)  # the number of the lowest layer that could not be read
        workers = max(min(workers, len(layers)), 1)
        limit = AHEAD_BYTES // CHUNK_BYTES // workers
        # those of a layer that has ended go on with the next one that begins
        self._all_buffers = [Buffers(limit) for _ in range(workers)]
        self._buffers: SimpleQueue[Buffers] = SimpleQueue()
        for buffers in self._all_buffers:
            self._buffers.put(buffers)
        self._decompressing = ThreadPoolExecutor(workers, thread_name_prefix="flatten-decompress")
        self._hashing = ThreadPoolExecutor(workers, thread_name_prefix="flatten-hash")
        self._work: list[_Work] = []

    def __enter__(self) -> Self:
        for number, layer in enumerate(self._layers):
            to_scan: SimpleQueue[tuple[Lease, int] | None] = SimpleQueue()
            to_hash: SimpleQueue[Lease | None] = SimpleQueue()
            self._work.append(
                _Work(
                    to_scan,
                    to_hash,
                    self._decompressing.submit(self._decompress, number, layer, to_scan, to_hash),
                    self._hashing.submit(self._hash, layer.diff_id, to_hash),
                )
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cancelled = True
        for buffers in self._all_buffers:
            buffers.let_go()
        for work in self._work:
            work.to_hash.put(None)
        self._decompressing.shutdown(cancel_futures=True)
        self._hashing.shutdown(cancel_futures=True)

    def chunks(self, number: int) -> Iterator[Chunk]:
        """Yield the chunks of layer `number` (they must be asked for in order), then verify it.

        Raises:
            LayerError: its compressed data is damaged.
            DiffIdError: its uncompressed data is not what the image names.
        """
        layer, work = self._layers[number], self._work[number]
        while (item := work.to_scan.get()) is not None:
            lease, compressed_bytes = item
            yield Chunk(data=lease.data, compressed_bytes=compressed_bytes)
            lease.done()
        try:
            work.decompressed.result()
        except DAMAGE as error:
            raise LayerError(layer.digest, f"compressed data is damaged: {error}") from error
        if layer.diff_id is not None and (actual := work.hashed.result()) != layer.diff_id:
            raise DiffIdError(layer.digest, expected=layer.diff_id, actual=actual)

    def _decompress(
        self,
        number: int,
        layer: Layer,
        to_scan: SimpleQueue[tuple[Lease, int] | None],
        to_hash: SimpleQueue[Lease | None],
    ) -> None:
        whole = False
        buffers = self._buffers.get()
        try:
            self._check(number)
            with layer.open() as stream:
                counted = Counted(stream)
                source = open_tar(counted)
                while True:
                    buffer = buffers.take()
                    count = self._fill(number, source, buffer)
                    if count == 0:
                        buffers.give_back(buffer)
                        break
                    lease = Lease(buffers, buffer, count, _READERS)
                    to_hash.put(lease)
                    to_scan.put((lease, counted.bytes_read))
            whole = True
        finally:
            if not whole:  # nothing above a damaged layer is wanted, all below it still is
                self._damaged = min(self._damaged, number)
            self._buffers.put(buffers)
            to_hash.put(None)
            to_scan.put(None)

    def _fill(self, number: int, source: Source, buffer: memoryview) -> int:
        """Fill a buffer as far as the tar goes; returns how far."""
        filled = 0
        while filled < CHUNK_BYTES:
            self._check(number)
            count = source.readinto(buffer[filled:])
            if count == 0:
                break
            filled += count
        return filled

    def _check(self, number: int) -> None:
        if self._cancelled or number > self._damaged:
            raise _CancelledError

    def _hash(self, diff_id: str | None, to_hash: SimpleQueue[Lease | None]) -> str:
        """Hash what comes; where nobody has stated a diff_id, only give the buffers back."""
        algorithm = diff_id.partition(":")[0] if diff_id is not None else ""
        state = hashlib.new(algorithm) if algorithm else None
        while (lease := to_hash.get()) is not None:
            if state is not None:
                state.update(lease.data)
            lease.done()
        return f"{algorithm}:{state.hexdigest()}" if state is not None else ""
