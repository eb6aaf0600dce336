"""The tar bytes of all layers, decompressed and hashed beside the thread that uses them.

One thread decompresses into a ring of buffers, one hashes what stands in them for the diff_ids,
and the caller scans and places; each of the three spends its time in C code that has released
the interpreter lock. A buffer is filled again once both others are done with it, so the memory
is bounded and, more important where the first touch of a page is slow, always the same. The
decompressing thread does not stop at a layer's end: it goes on with the next layer while the
caller still works on this one.

What the caller sees (the chunks, their sizes, errors and where they come) does not depend on who
was faster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Semaphore
from types import TracebackType
from typing import Self

from flatten.decompress import DAMAGE, Counted, Source, open_tar
from flatten.errors import DiffIdError, LayerError
from flatten.source import Layer

__all__ = ["Chunk", "ChunkPipeline"]

CHUNK_BYTES = 1 << 20  # stays in the second-level cache between the three that touch it
RING_CHUNKS = 8


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

    to_scan: SimpleQueue[Chunk | None]
    to_hash: SimpleQueue[memoryview | None]
    decompressed: Future[None]
    hashed: Future[str]


class ChunkPipeline:
    """Runs the two threads, from entering the context to leaving it."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        """Prepare to decompress `layers` in order."""
        self._layers = layers
        self._cancelled = False
        self._scanned = Semaphore(RING_CHUNKS)  # counts the buffers that the caller is done with
        self._hashed = Semaphore(RING_CHUNKS)
        self._ring = [memoryview(bytearray(CHUNK_BYTES)) for _ in range(RING_CHUNKS)]
        self._next_slot = 0
        self._decompressing = ThreadPoolExecutor(1, thread_name_prefix="flatten-decompress")
        self._hashing = ThreadPoolExecutor(1, thread_name_prefix="flatten-hash")
        self._work: list[_Work] = []

    def __enter__(self) -> Self:
        for layer in self._layers:
            to_scan: SimpleQueue[Chunk | None] = SimpleQueue()
            to_hash: SimpleQueue[memoryview | None] = SimpleQueue()
            self._work.append(
                _Work(
                    to_scan,
                    to_hash,
                    self._decompressing.submit(self._decompress, layer, to_scan, to_hash),
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
        self._scanned.release(RING_CHUNKS)
        self._hashed.release(RING_CHUNKS)
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
        while (chunk := work.to_scan.get()) is not None:
            yield chunk
            self._scanned.release()
        try:
            work.decompressed.result()
        except DAMAGE as error:
            raise LayerError(layer.digest, f"compressed data is damaged: {error}") from error
        if layer.diff_id is not None and (actual := work.hashed.result()) != layer.diff_id:
            raise DiffIdError(layer.digest, expected=layer.diff_id, actual=actual)

    def _decompress(
        self,
        layer: Layer,
        to_scan: SimpleQueue[Chunk | None],
        to_hash: SimpleQueue[memoryview | None],
    ) -> None:
        whole = False
        try:
            self._check()
            with layer.open() as stream:
                counted = Counted(stream)
                source = open_tar(counted)
                while count := self._fill(source):
                    data = self._ring[self._next_slot][:count]
                    self._next_slot = (self._next_slot + 1) % RING_CHUNKS
                    to_hash.put(data)
                    to_scan.put(Chunk(data=data, compressed_bytes=counted.bytes_read))
            whole = True
        finally:
            self._cancelled |= not whole  # nothing behind a damaged layer is wanted
            to_hash.put(None)
            to_scan.put(None)

    def _fill(self, source: Source) -> int:
        """Fill the next buffer of the ring as far as the tar goes; returns how far."""
        self._scanned.acquire()
        self._hashed.acquire()
        buffer = self._ring[self._next_slot]
        filled = 0
        while filled < CHUNK_BYTES:
            self._check()
            count = source.readinto(buffer[filled:])
            if count == 0:
                break
            filled += count
        if filled == 0:
            self._scanned.release()
            self._hashed.release()
        return filled

    def _check(self) -> None:
        if self._cancelled:
            raise _CancelledError

    def _hash(self, diff_id: str | None, to_hash: SimpleQueue[memoryview | None]) -> str:
        """Hash what comes; where nobody has stated a diff_id, only give the buffers back."""
        algorithm = diff_id.partition(":")[0] if diff_id is not None else ""
        state = hashlib.new(algorithm) if algorithm else None
        while (data := to_hash.get()) is not None:
            if state is not None:
                state.update(data)
            self._hashed.release()
        return f"{algorithm}:{state.hexdigest()}" if state is not None else ""
