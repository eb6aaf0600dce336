"""One blob's way into the cache: transfer, hash, resume, verify, commit.

Bytes are hashed as they arrive and written to the partial file, so that a finished transfer is a
verified one. A transfer that breaks off goes on where it stopped, by a Range request, in this run
and in a later one, which hashes again what it finds. Where the server ignores the range and sends
everything, the part that is there already is skipped: its bytes were hashed when they came, and the
digest judges the whole. What an earlier run left may be damaged (a crash writes no promise): where
the digest then does not match, the blob is transferred once more from its beginning.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from pull.cache import Partial
from pull.digest import CHUNK_BYTES, Digest, Hasher
from pull.errors import (
    BrokenTransferError,
    CancelledError,
    DigestMismatchError,
    RegistryError,
    SizeMismatchError,
)
from pull.manifest import Descriptor
from pull.source import Source

__all__ = ["Arrivals", "download"]


class Arrivals(Protocol):
    """Is told how far a blob has come."""

    def arrived(self, position: int) -> None:
        """The first `position` bytes are in the partial file."""
        ...

    def restarted(self) -> None:
        """All bytes so far are void, and about to go."""
        ...

    def verified(self) -> None:
        """All bytes are there, and right."""
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
        DigestMismatchError, SizeMismatchError: The source sends something else.
        RegistryError, TransportError: The source does not send it.
        CancelledError: `cancelled` became true.
        OSError: The disk is full, or broken.
    """
    transfer = _Transfer(source, descriptor, partial, arrivals, cancelled)
    may_be_stale = transfer.hash_what_is_there() > 0
    transfer.complete()
    while not descriptor.digest.matches(transfer.hasher):
        if not source.reject(descriptor) and not may_be_stale:
            partial.discard()
            raise _mismatch(source, descriptor, transfer.hasher)
        may_be_stale = False
        transfer.restart()
        transfer.complete()
    arrivals.verified()
    partial.commit()


def _mismatch(source: Source, descriptor: Descriptor, hasher: Hasher) -> DigestMismatchError:
    actual = Digest(descriptor.digest.algorithm, hasher.hexdigest())
    expected = str(descriptor.digest)
    return DigestMismatchError(source.name, expected=expected, actual=str(actual))


class _Transfer:
    """The state of one blob under way: how far, and the hash so far."""

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
        self.hasher: Hasher = descriptor.digest.hasher()

    def hash_what_is_there(self) -> int:
        """Take over an earlier run's bytes; return how many."""
        if self.partial.size > self.descriptor.size:
            self.partial.truncate(0)
        while chunk := os.pread(self.partial.fd, CHUNK_BYTES, self.position):
            self._stop_if_cancelled()
            self._count(chunk)
        return self.position

    def restart(self) -> None:
        """Forget everything."""
        # told first: a reader may not take the truncated file's end for the blob's
        self.arrivals.restarted()
        self.partial.truncate(0)
        self.position = 0
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
                # as long as bytes come, there is hope
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
            skip = self.position - stream.offset
            while chunk := stream.read(CHUNK_BYTES):
                self._stop_if_cancelled()
                if skip:
                    skipped = min(skip, len(chunk))
                    skip -= skipped
                    chunk = chunk[skipped:]
                if self.position + len(chunk) > self.descriptor.size:
                    self.partial.discard()
                    raise SizeMismatchError(
                        self._what, expected=self.descriptor.size, actual="more than these"
                    )
                self.partial.write(chunk, self.position)
                self._count(chunk)

    def _count(self, chunk: bytes) -> None:
        self.hasher.update(chunk)
        self.position += len(chunk)
        self.arrivals.arrived(self.position)

    def _stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise CancelledError(self._what)
