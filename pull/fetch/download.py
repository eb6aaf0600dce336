"""One blob's way into the cache: transfer, hash, resume, verify, commit.

Bytes are hashed as they arrive and written to the partial file, so that a finished transfer is a
verified one. Bytes that a reader gets in memory are written past the page cache: they won't be
needed there soon, and copying them there costs more than receiving them. A transfer that breaks off
continues where it stopped, by a Range request, in this run or a later one, which hashes again what
it finds. If the server ignores the range and sends everything, the part that is already there is
skipped: its bytes were hashed when they came, and the digest judges the whole. What an earlier run
left may be damaged (a crash guarantees nothing), and one of several answers may have been another
page. So if the digest of a blob in pieces does not match, it is transferred once more from the
beginning.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol

from pull.cache import Partial
from pull.errors import (
    BrokenTransferError,
    CancelledError,
    DigestMismatchError,
    RegistryError,
    SizeMismatchError,
)
from pull.source import BlobStream, Source
from pull.spec.digest import CHUNK_BYTES, Digest, Hasher
from pull.spec.manifest import Descriptor

__all__ = ["Arrivals", "download"]

_SLOW_SECONDS = 0.5  # after that, readers get a buffer that isn't full


class Arrivals(Protocol):
    """Provides memory for a blob's bytes, and is told about its progress."""

    def buffer(self) -> memoryview:
        """Return the buffer to fill next: the same one until something has arrived in it."""
        ...

    @property
    def is_relayed(self) -> bool:
        """Tell whether a reader will take the bytes from the buffers, not the file."""
        ...

    def arrived(self, position: int, count: int = 0) -> None:
        """Note that `position` bytes are in the partial file, the last `count` in the buffer."""
        ...

    def restarted(self) -> None:
        """Note that all bytes so far are void and will be removed."""
        ...

    def verified(self) -> None:
        """Note that all bytes are there and right."""
        ...


def download(
    source: Source,
    descriptor: Descriptor,
    partial: Partial,
    *,
    arrivals: Arrivals,
    cancelled: Callable[[], bool],
) -> None:
    """Complete a claimed blob, verify it and give it its final name.

    Raises:
        DigestMismatchError, SizeMismatchError: The source sends other bytes.
        RegistryError, TransportError: The source does not send it.
        CancelledError: `cancelled` became true.
        OSError: The disk is full, or broken.
    """
    transfer = _Transfer(source, descriptor, partial, arrivals, cancelled)
    is_old = transfer.hash_what_is_there() > 0
    was_repeated = False
    transfer.complete()
    while not descriptor.digest.matches(transfer.hasher):
        if not source.reject(descriptor):
            is_in_pieces = is_old or transfer.connections > 1
            if was_repeated or not is_in_pieces:
                partial.discard()
                raise _mismatch(source, descriptor, transfer.hasher)
            was_repeated = True
        is_old = False
        transfer.restart()
        transfer.complete()
    arrivals.verified()
    partial.commit()


def _mismatch(source: Source, descriptor: Descriptor, hasher: Hasher) -> DigestMismatchError:
    actual = Digest(descriptor.digest.algorithm, hasher.hexdigest())
    expected = str(descriptor.digest)
    return DigestMismatchError(source.name, expected=expected, actual=str(actual))


class _Transfer:
    """The state of one transfer: its position, and the hash so far."""

    def __init__(
        self,
        source: Source,
        descriptor: Descriptor,
        partial: Partial,
        arrivals: Arrivals,
        cancelled: Callable[[], bool],
    ) -> None:
        self.source = source
        self.descriptor = descriptor
        self.partial = partial
        self.arrivals = arrivals
        self.cancelled = cancelled
        self.position = 0
        self.connections = 0  # opened so far
        self.hasher: Hasher = descriptor.digest.hasher()

    def hash_what_is_there(self) -> int:
        """Take over an earlier run's bytes; return how many."""
        if self.partial.size > self.descriptor.size:
            self.partial.truncate(0)
        while chunk := os.pread(self.partial.fd, CHUNK_BYTES, self.position):
            self._stop_if_cancelled()
            self.hasher.update(chunk)
            self.position += len(chunk)
            self.arrivals.arrived(self.position)
        return self.position

    def restart(self) -> None:
        """Forget everything."""
        # told first: a reader must not mistake the truncated file's end for the blob's
        self.arrivals.restarted()
        self.partial.truncate(0)
        self.position = 0
        self.connections = 0
        self.hasher = self.descriptor.digest.hasher()

    def complete(self) -> None:
        """Transfer what is missing, over as many connections as it takes."""
        attempt = 0
        while self.position < self.descriptor.size:
            before = self.position
            try:
                self._transfer()
                if self.position < self.descriptor.size:
                    reason = f"the transfer ended after {self.position} bytes"
                    raise BrokenTransferError(self._what, reason)  # noqa: TRY301  # is a broken one too
            except BrokenTransferError:
                # keep trying as long as bytes come
                attempt = 1 if self.position > before else attempt + 1
                if not self.source.may_retry(attempt):
                    if not self.source.reject(self.descriptor):
                        raise
                    attempt = 0
            except RegistryError as error:
                if error.status != 416 or not self.position:
                    raise
                self.restart()

    @property
    def _what(self) -> str:
        return f"{self.source.name}: {self.descriptor.digest}"

    def _transfer(self) -> None:
        with self.source.blob(self.descriptor, self.position) as stream:
            self.connections += 1
            self._skip(stream, self.position - stream.offset)
            while self.position < self.descriptor.size:
                if not self._fill(stream):
                    return
            is_too_long = stream.readinto(memoryview(bytearray(1))) > 0
        if is_too_long:
            if not self.source.reject(self.descriptor):
                self.partial.discard()
                raise SizeMismatchError(
                    self._what, expected=self.descriptor.size, actual="more than these"
                )
            self.restart()

    def _skip(self, stream: BlobStream, count: int) -> None:
        """Read and drop bytes that are already there."""
        buffer = memoryview(bytearray(min(count, CHUNK_BYTES)))
        while count and (skipped := stream.readinto(buffer[:count])):
            self._stop_if_cancelled()
            count -= skipped

    def _fill(self, stream: BlobStream) -> bool:
        """Receive and keep what a buffer holds, less if it comes slowly; False at the end."""
        buffer = self.arrivals.buffer()
        # up to a point from which the next one can be written directly
        room = len(buffer) - self.position % len(buffer)
        buffer = buffer[: min(room, self.descriptor.size - self.position)]
        deadline = time.monotonic() + _SLOW_SECONDS
        filled = 0
        try:
            while filled < len(buffer):
                self._stop_if_cancelled()
                count = stream.readinto(buffer[filled : filled + CHUNK_BYTES])
                if not count:
                    return False
                filled += count
                if time.monotonic() > deadline:
                    break
        finally:
            if filled:  # of a broken transfer too
                self._keep(buffer[:filled])
        return True

    def _keep(self, data: memoryview) -> None:
        self.partial.write(data, self.position, directly=self.arrivals.is_relayed)
        self.hasher.update(data)
        self.position += len(data)
        self.arrivals.arrived(self.position, len(data))

    def _stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise CancelledError(self._what)
