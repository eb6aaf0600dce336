"""The tar bytes of all layers, decompressed ahead of the thread that uses them.

A few layers are in progress at once, the lowest first. Each has a thread that decompresses; the
caller hashes the lowest layer's bytes for its diff_id, scans and places them. C code that has
released the interpreter lock does all of that. The layers above the caller's run ahead only as
far as their buffers allow, so memory is bounded, and a processor that the lowest layer leaves
idle has something to do.

A separate thread for the hashes would not pay: handing each chunk over twice costs more than it
gains, as long as decompressing is the slower of the two.

What the caller sees (the chunks, their sizes, errors and where they come) does not depend on which
thread was faster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple, Self

from flatten.errors import DiffIdError, LayerError
from flatten.layer import HostLayer, Layer
from flatten.stream.buffers import CHUNK_BYTES, Buffers
from flatten.stream.decompress import DAMAGE, CompressionError, Counted, open_tar

__all__ = ["Chunk", "ChunkPipeline"]

AHEAD_BYTES = 64 << 20  # decompressed but not used yet, for all layers in progress together


class Chunk(NamedTuple):
    """A piece of a layer's tar; `data` is valid until the next one is asked for."""

    data: memoryview
    compressed_bytes: int  # of the layer, read so far


class _CancelledError(Exception):
    """The caller has left: ends a task whose result isn't needed."""


class _Filled(NamedTuple):
    """A chunk, and the buffer to give back after use."""

    chunk: Chunk
    buffer: memoryview
    buffers: Buffers


class _Work(NamedTuple):
    """One layer in progress; None in the queue is its end."""

    filled: SimpleQueue[_Filled | None]
    decompressed: Future[None]


class ChunkPipeline:
    """Runs the threads, from entering the context to leaving it."""

    def __init__(self, layers: Sequence[Layer], workers: int = 2) -> None:
        """Prepare to decompress `layers` in order, `workers` of them at a time."""
        self._layers = layers
        self._cancelled = False
        self._damaged = len(layers)  # the number of the lowest layer that could not be read
        workers = max(min(workers, len(layers)), 1)
        limit = AHEAD_BYTES // CHUNK_BYTES // workers
        # buffers of a layer that has ended go to the next one that begins
        self._all_buffers = [Buffers(limit) for _ in range(workers)]
        self._buffers: SimpleQueue[Buffers] = SimpleQueue()
        for buffers in self._all_buffers:
            self._buffers.put(buffers)
        self._decompressing = ThreadPoolExecutor(workers, thread_name_prefix="flatten-decompress")
        self._work: list[_Work] = []

    def __enter__(self) -> Self:
        for number, layer in enumerate(self._layers):
            filled: SimpleQueue[_Filled | None] = SimpleQueue()
            task = self._decompressing.submit(self._decompress, number, layer, filled)
            self._work.append(_Work(filled, task))
        return self

    def __exit__(self, *_: object) -> None:
        self._cancelled = True
        for buffers in self._all_buffers:
            buffers.let_go()
        self._decompressing.shutdown(cancel_futures=True)

    def chunks(self, number: int) -> Iterator[Chunk]:
        """Yield the chunks of layer `number` (they must be asked for in order), then verify it.

        Raises:
            LayerError: its compressed data is damaged.
            DiffIdError: its uncompressed data is not what the image names.
        """
        layer, work = self._layers[number], self._work[number]
        algorithm = layer.diff_id.partition(":")[0] if layer.diff_id is not None else ""
        state = hashlib.new(algorithm) if algorithm else None
        while (filled := work.filled.get()) is not None:
            if state is not None:
                state.update(filled.chunk.data)
            yield filled.chunk
            filled.buffers.give_back(filled.buffer)
        try:
            work.decompressed.result()
        except DAMAGE as error:
            raise LayerError(layer.digest, f"compressed data is damaged: {error}") from error
        except CompressionError as error:
            raise LayerError(layer.digest, str(error)) from error
        if layer.diff_id is not None and state is not None:
            actual = f"{algorithm}:{state.hexdigest()}"
            if actual != layer.diff_id:
                raise DiffIdError(layer.digest, expected=layer.diff_id, actual=actual)

    def _decompress(self, number: int, layer: Layer, filled: SimpleQueue[_Filled | None]) -> None:
        whole = False
        buffers = self._buffers.get()
        try:
            self._check(number)
            with layer.open() as stream:
                counted = Counted(stream)
                source = open_tar(counted, of_host=isinstance(layer, HostLayer))
                while True:
                    buffer = buffers.take()
                    self._check(number)
                    data = source.read_into(buffer)
                    if not data:
                        buffers.give_back(buffer)
                        break
                    chunk = Chunk(data=memoryview(data), compressed_bytes=counted.bytes_read)
                    filled.put(_Filled(chunk, buffer, buffers))
            whole = True
        finally:
            if not whole:  # layers above a damaged one aren't needed; all below it still are
                self._damaged = min(self._damaged, number)
            self._buffers.put(buffers)
            filled.put(None)

    def _check(self, number: int) -> None:
        if self._cancelled or number > self._damaged:
            raise _CancelledError
