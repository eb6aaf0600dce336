"""An image's layers as bytes: from the cache, or from the registry on their way into it.

Nothing is downloaded until it is needed; then a few threads download all layers, oldest first.
The threads are daemons, and the cache survives their death: a program that exits does not wait
for a slow server.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import BinaryIO, Protocol

from pull.cache import Cache, Partial
from pull.errors import OfflineError, PullError
from pull.fetch.arrival import Arrival, Report
from pull.fetch.download import Reads, download
from pull.fetch.room import check_room, missing_bytes
from pull.source import Source
from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor

__all__ = ["Blobs", "CachedBlobs"]

_CLOSE_TIMEOUT_SECONDS = 0.5
_BUFFERS = 24  # of a MiB, for all downloads in progress together


class Blobs(Protocol):
    """Where an image's layers come from."""

    def open(self, descriptor: Descriptor, *, verify: bool) -> BinaryIO:
        """Open a blob, which may still be on its way.

        With `verify`, nothing of it is read before its digest is verified.
        """
        ...

    def start(self, above: int) -> None:
        """Begin to download what is missing, but for the lowest `above` layers, and return."""
        ...

    def missing_bytes(self, above: int) -> int:
        """Return how many bytes are yet to be downloaded, but for the lowest `above` layers."""
        ...

    def check(self) -> None:
        """Return when every layer has been verified; raise what went wrong."""
        ...

    def fetch(self) -> None:
        """Return once every layer is stored on this machine; raise what went wrong."""
        ...

    def repair(self, digest: Digest) -> bool:
        """Verify a blob that caused trouble; True if it was damaged and can be opened again."""
        ...

    def abort(self) -> None:
        """Make readers and downloads end soon, with an error; may be called by signal handlers."""
        ...

    def close(self) -> None:
        """Stop everything that is in progress."""
        ...


class CachedBlobs:
    """Layers of a registry's image."""

    def __init__(
        self,
        source: Source,
        cache: Cache,
        layers: Sequence[Descriptor],
        *,
        jobs: int,
        offline: bool,
        report: Report | None,
    ) -> None:
        self._source = source
        self._cache = cache
        self._layers = layers
        self._jobs = jobs
        self._buffers_each = max(2, _BUFFERS // jobs)
        self._offline = offline
        self._report = report
        self._lock = threading.Lock()
        self._arrivals: dict[Digest, Arrival] = {}
        self._queue: deque[Arrival] = deque()
        self._workers: list[threading.Thread] = []
        self._reads = Reads()
        self._unneeded = 0  # of the lowest layers
        self._is_closed = False
        self._has_room = False  # as far as anybody has looked

    def open(self, descriptor: Descriptor, *, verify: bool) -> BinaryIO:
        """See `Blobs`."""
        while True:
            if verify and not self._cache.is_sound(descriptor.digest):
                self._cache.drop(descriptor.digest)
            stream = self._cache.open(descriptor.digest, descriptor.size)
            if stream is None:
                arrival = self._start(descriptor)
                if verify:
                    arrival.unread()
                    arrival.wait_verified()
                stream = arrival.open()
            if stream is not None:
                return stream

    def start(self, above: int) -> None:
        """See `Blobs`."""
        if above < self._unneeded:
            self._has_room = False
        self._unneeded = above
        self._start_missing()

    def missing_bytes(self, above: int) -> int:
        """See `Blobs`."""
        return missing_bytes(self._cache, self._layers[above:])

    def check(self) -> None:
        """See `Blobs`."""
        for arrival in self._start_missing():
            arrival.wait_verified()

    def fetch(self) -> None:
        """See `Blobs`."""
        arrivals = self._start_missing()
        for arrival in arrivals:
            arrival.unread()
        for arrival in arrivals:
            arrival.wait_stored()

    def repair(self, digest: Digest) -> bool:
        """See `Blobs`."""
        with self._lock:
            arrival = self._arrivals.get(digest)
        if arrival is not None:
            arrival.wait_stored()
            if arrival.was_restarted:
                return True  # a reader may have read bytes that were discarded since
        if self._cache.is_sound(digest):
            return False
        self._cache.drop(digest)
        return True

    def abort(self) -> None:
        """See `Blobs`."""
        self._is_closed = True

    def close(self) -> None:
        """See `Blobs`."""
        with self._lock:
            self._is_closed = True
            self._queue.clear()
            workers = list(self._workers)
        self._source.close()
        deadline = time.monotonic() + _CLOSE_TIMEOUT_SECONDS
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def _start(self, descriptor: Descriptor) -> Arrival:
        """Download all layers that are missing, this one as early as possible."""
        self._start_missing()
        with self._lock:
            arrival = self._arrivals.get(descriptor.digest)
            if arrival is None or arrival.has_ended:
                # pruned or dropped since: try again
                return self._enqueue(descriptor)
            with contextlib.suppress(ValueError):
                self._queue.remove(arrival)
                self._queue.appendleft(arrival)
            return arrival

    def _start_missing(self) -> list[Arrival]:
        with self._lock:
            if not self._has_room:
                if not self._offline:
                    check_room(self._cache, self._layers[self._unneeded :])
                self._has_room = True
            for descriptor in self._layers[self._unneeded :]:
                if descriptor.digest in self._arrivals:
                    continue
                if self._cache.find(descriptor.digest, descriptor.size):
                    if self._report is not None:
                        self._report(descriptor, descriptor.size)
                    continue
                self._enqueue(descriptor)
            return list(self._arrivals.values())

    def _enqueue(self, descriptor: Descriptor) -> Arrival:
        # the caller holds the lock
        if self._offline:
            raise OfflineError(self._source.name, str(descriptor.digest))
        arrival = Arrival(
            descriptor, self._report, lambda: self._is_closed, buffers=self._buffers_each
        )
        self._arrivals[descriptor.digest] = arrival
        self._queue.append(arrival)
        self._workers = [worker for worker in self._workers if worker.is_alive()]
        if len(self._workers) < self._jobs:
            worker = threading.Thread(target=self._work, name="pull-download", daemon=True)
            self._workers.append(worker)
            worker.start()
        return arrival

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    # out of the list before the lock is given up, or an enqueuer would count on us
                    self._workers.remove(threading.current_thread())
                    return
                arrival = self._queue.popleft()
            try:
                self._download(arrival)
            except (PullError, OSError) as error:
                arrival.ended(error)
            except BaseException as error:  # a bug: let no thread wait for ever, and be loud
                arrival.ended(error)
                raise

    def _download(self, arrival: Arrival) -> None:
        descriptor = arrival.descriptor
        with self._cache.claim(descriptor.digest, lambda: self._is_closed) as partial:
            if partial is not None:
                if descriptor.data is not None:
                    descriptor.verify(descriptor.data, self._source.name)
                    self._cache.store(descriptor.digest, descriptor.data)
                    partial.discard()
                else:
                    self._transfer(arrival, partial)
        arrival.ended()

    def _transfer(self, arrival: Arrival, partial: Partial) -> None:
        arrival.began(partial.fd)
        try:
            download(
                self._source,
                arrival.descriptor,
                partial,
                arrivals=arrival,
                cancelled=lambda: self._is_closed,
                reads=self._reads,
            )
        finally:
            # before the claim ends and closes the file
            arrival.withdrawn()
