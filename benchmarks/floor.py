"""The floor: the least that a program must do to turn these layers into bytes on a disk.

    python -m benchmarks.floor LAYOUT TAG OUT

reads the compressed layers, inflates them with the best library available (isal for gzip, zstd for
zstd), hashes the result in parallel for the diff_ids, writes the bytes once, and syncs. It knows
nothing about tar or filesystems. One thread inflates, one hashes, one writes past the page cache,
which takes less processor time than writing into it; all of this is C that releases the interpreter
lock.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from backports import zstd
from isal import isal_zlib

__all__ = ["layer_paths", "main", "write_layers"]

# Measured on two cores; a quarter or four times this is slower.
READ_BYTES = 64 * 1024
INFLATED_BYTES = 256 * 1024
# chunks that may queue for a slower thread: 12 MiB
WAITING = 48
# Written at a time, from buffers aligned as O_DIRECT demands: whole pages.
WRITE_BYTES = 4 << 20
BUFFERS = 3
PAGE_BYTES = 4096


class Consumer(threading.Thread):
    """A thread that takes chunks in order, through a bounded queue."""

    def __init__(self, work: Callable[[bytes], object]) -> None:
        """Start at once; `close` ends it."""
        super().__init__()
        self._work = work
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(WAITING)
        self.start()

    def put(self, chunk: bytes) -> None:
        """Hand over a chunk; wait while the queue is full."""
        self._room.acquire()
        self._queue.put(chunk)

    def run(self) -> None:
        """Process one chunk after another."""
        while (chunk := self._queue.get()) is not None:
            self._work(chunk)
            self._room.release()

    def close(self) -> None:
        """Wait for the work to end."""
        self._queue.put(None)
        self.join()


class DirectWriter:
    """Gathers chunks in aligned buffers, which a thread writes one by one."""

    def __init__(self, path: Path) -> None:
        """Create the file; `close` syncs it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DIRECT
        self._target = os.open(path, flags, 0o644)
        self._free: queue.SimpleQueue[mmap.mmap] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[tuple[mmap.mmap, int] | None] = queue.SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(mmap.mmap(-1, WRITE_BYTES))
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        self._buffer = self._free.get()
        self._filled = 0

    def put(self, chunk: bytes) -> None:
        """Take a chunk; wait for a free buffer if this one is full."""
        done = 0
        while done < len(chunk):
            step = min(WRITE_BYTES - self._filled, len(chunk) - done)
            piece = chunk if step == len(chunk) else chunk[done : done + step]
            self._buffer[self._filled : self._filled + step] = piece
            self._filled += step
            done += step
            if self._filled == WRITE_BYTES:
                self._full.put((self._buffer, WRITE_BYTES))
                self._buffer, self._filled = self._free.get(), 0

    def _write(self) -> None:
        offset = 0
        while (work := self._full.get()) is not None:
            buffer, size = work
            offset += os.pwrite(self._target, memoryview(buffer)[:size], offset)
            self._free.put(buffer)

    def close(self) -> None:
        """Write the rest, up to the end of its page, and sync."""
        whole_pages = -(-self._filled // PAGE_BYTES) * PAGE_BYTES
        self._full.put((self._buffer, whole_pages))
        self._full.put(None)
        self._thread.join()
        os.fsync(self._target)
        os.close(self._target)


def write_layers(paths: list[Path], out: Path) -> list[str]:
    """Inflate the layers into `out`, one after the other, and sync; return their diff_ids."""
    diff_ids = []
    writing = DirectWriter(out)
    for path in paths:
        digest = hashlib.sha256()
        hashing = Consumer(digest.update)
        for chunk in _inflate(path):
            hashing.put(chunk)
            writing.put(chunk)
        hashing.close()
        diff_ids.append(f"sha256:{digest.hexdigest()}")
    writing.close()
    return diff_ids


def _inflate(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        data = file.read(READ_BYTES)
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            packed = zstd.ZstdDecompressor()
            while data:
                yield packed.decompress(data, INFLATED_BYTES)
                while not packed.needs_input and not packed.eof:
                    yield packed.decompress(b"", INFLATED_BYTES)
                data = file.read(READ_BYTES)
            return
        inflater = isal_zlib.decompressobj(31)
        while data:
            yield inflater.decompress(data, INFLATED_BYTES)
            data = inflater.unconsumed_tail or file.read(READ_BYTES)


def layer_paths(layout: Path, tag: str) -> list[Path]:
    """Find an image's layer blobs in an OCI layout, oldest first."""

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
        if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag:
            manifest = json.loads(blob(entry["digest"]).read_bytes())
            return [blob(layer["digest"]) for layer in manifest["layers"]]
    message = f"no tag {tag} in {layout}"
    raise LookupError(message)


def main() -> int:
    """Run from the command line; print the diff_ids."""
    layout, tag, out = sys.argv[1:]
    print(*write_layers(layer_paths(Path(layout), tag), Path(out)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
