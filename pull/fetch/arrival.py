"""A blob that can be read while it is still being downloaded.

The downloading thread writes to the partial file and reports its progress; readers follow with
their own descriptors and positions, and wait if they are faster. They find the latest bytes in
memory and earlier ones in the file. The last read, which returns nothing, waits until the blob's
digest is verified: a reader that reaches the end has the right bytes, or gets an error.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from pull.errors import CancelledError, RestartedError
from pull.fetch.relay import Relay
from pull.spec.manifest import Descriptor

__all__ = ["Arrival", "Report"]

_BUFFER_BYTES = 1 << 18
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 1.0  # with a reader that reads nothing

Report = Callable[[Descriptor, int], None]
"""Called by any thread with (blob, number of its bytes that are here now)."""


class Arrival:
    """One blob's state, shared by the thread that downloads it and those that wait for it."""

    def __init__(
        self,
        descriptor: Descriptor,
        report: Report | None,
        stopped: Callable[[], bool],
        *,
        buffers: int = 2,
    ) -> None:
        """Keep up to `buffers` times 1 MiB in memory for readers."""
        self.descriptor = descriptor
        self._stopped = stopped
        self._report = report
        self._relay = Relay(buffers)
        self._is_read = False
        self._changed = threading.Condition()
        self._fd: int | None = None
        self._position = 0
        self._generation = 0
        self._is_verified = False
        self._is_stored = False
        self._failure: BaseException | None = None

    # -- the downloading thread's side

    def began(self, fd: int) -> None:
        """Let readers in; `fd` stays the caller's and is copied for each reader."""
        with self._changed:
            self._fd = fd
            self._changed.notify_all()

    def buffer(self) -> memoryview:
        """Wait for a slower reader, but not for long; see `pull.fetch.download.Arrivals`."""
        with self._changed:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while self._relay.is_full and not self._stopped():
                self._changed.wait(_POLL_SECONDS)
                if time.monotonic() > deadline:
                    self._relay.end()
            return self._relay.filling()

    @property
    def is_relayed(self) -> bool:
        """See `pull.fetch.download.Arrivals`."""
        return self._relay.is_open

    def arrived(self, position: int, count: int = 0) -> None:
        """See `pull.fetch.download.Arrivals`."""
        with self._changed:
            self._position = position
            if count:
                self._relay.hold(position - count, count)
            self._changed.notify_all()
        if self._report is not None:
            self._report(self.descriptor, position)

    def restarted(self) -> None:
        """See `pull.fetch.download.Arrivals`: readers that have read something get an error."""
        with self._changed:
            self._position = 0
            self._generation += 1
            self._relay.end()
            self._changed.notify_all()

    def verified(self) -> None:
        """See `pull.fetch.download.Arrivals`."""
        with self._changed:
            self._is_verified = True
            self._changed.notify_all()

    def withdrawn(self) -> None:
        """Let no more readers in: the fd is about to be closed."""
        with self._changed:
            self._fd = None

    def ended(self, failure: BaseException | None = None) -> None:
        """Report that the blob is in the cache, or why it never will be."""
        with self._changed:
            self._failure = failure
            self._is_verified = self._is_stored = failure is None
            if not (self._is_read and self._relay.is_open):
                self._relay.end()  # there may be many blobs, and not many are read at a time
            self._changed.notify_all()

    # -- everybody else's side

    @property
    def has_ended(self) -> bool:
        """Tell whether the download is over, successful or not."""
        with self._changed:
            return self._is_stored or self._failure is not None

    @property
    def was_restarted(self) -> bool:
        """Tell whether bytes that a reader may have seen were wrong and came again."""
        with self._changed:
            return self._generation > 0

    def wait_verified(self) -> None:
        """Return once all bytes are verified; raise what went wrong."""
        with self._changed:
            self._wait(lambda: self._is_verified)

    def wait_stored(self) -> None:
        """Return once the blob is in the cache; raise what went wrong."""
        with self._changed:
            self._wait(lambda: self._is_stored)

    def open(self) -> BinaryIO | None:
        """Open the blob as soon as its download begins; None if it is in the cache by then."""
        with self._changed:
            self._wait(lambda: self._fd is not None or self._is_stored)
            if self._fd is None:
                return None
            copy = os.dup(self._fd)
            relay = None if self._is_read else self._relay  # which knows one reader
            self._is_read = True
            follower = _Follower(self, copy, self._generation, relay)
            return io.BufferedReader(follower, _BUFFER_BYTES)

    def unread(self) -> None:
        """Keep nothing in memory if there is no reader by now: none will come."""
        if not self._is_read:
            self.end_relay()

    def end_relay(self) -> None:
        """Keep nothing in memory from now on."""
        with self._changed:
            self._relay.end()
            self._changed.notify_all()

    def available(
        self, position: int, generation: int, relay: Relay | None
    ) -> tuple[int, memoryview | None]:
        """Wait for bytes after `position`; 0 at the verified end.

        Returns:
            Their number, and the bytes if the relay has any; then only those count.
        """
        with self._changed:
            self._wait(
                lambda: (
                    self._position > position or self._is_verified or self._generation != generation
                )
            )
            self._refuse_other(generation)
            end = self._position
            if relay is not None:
                held = relay.find(position)
                if held is not None:
                    return len(held), held
                if relay.first is not None:
                    end = relay.first
            return end - position, None

    def taken(self, position: int, generation: int, relay: Relay | None) -> None:
        """Report that a reader has all bytes before `position`.

        Raises:
            RestartedError: They may be void.
        """
        with self._changed:
            self._refuse_other(generation)
            if relay is not None:
                relay.drop(position)
                self._changed.notify_all()

    def _refuse_other(self, generation: int) -> None:
        if self._generation != generation:
            raise RestartedError(str(self.descriptor.digest))

    def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._failure is not None:
                raise self._failure
            if self._stopped():
                raise CancelledError(str(self.descriptor.digest))
            # a signal handler can set a flag, but must not take a lock to wake a thread
            self._changed.wait(_POLL_SECONDS)


class _Follower(io.RawIOBase):
    """One reader's descriptor and position, and where it finds the latest bytes."""

    def __init__(self, arrival: Arrival, fd: int, generation: int, relay: Relay | None) -> None:
        super().__init__()
        self._arrival = arrival
        self._fd = fd
        self._generation = generation
        self._relay = relay
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        left, held = self._arrival.available(self._position, self._generation, self._relay)
        view = memoryview(buffer)[:left]
        if not view:
            return 0
        if held is None:
            count = os.preadv(self._fd, [view], self._position)
        else:
            count = len(view)
            view[:] = held[:count]
        self._position += count
        self._arrival.taken(self._position, self._generation, self._relay)
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
            if self._relay is not None:
                self._arrival.end_relay()
        super().close()
