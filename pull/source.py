"""Where manifests and blobs come from: the interface of a registry and of a local layout."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor

__all__ = ["BlobStream", "Document", "Source"]


class Document(NamedTuple):
    """A manifest or an index as stored: bytes, their digest, and their stated type."""

    data: bytes
    digest: Digest
    media_type: str  # empty if not stated

    def __repr__(self) -> str:
        return f"Document({self.digest}, {self.media_type!r})"  # without the bytes


class BlobStream(Protocol):
    """A blob's bytes from an offset on; a context manager."""

    @property
    def offset(self) -> int:
        """Where the stream begins: earlier than requested if a server can't do ranges."""
        ...

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into `buffer` and return how many bytes; 0 is the end.

        Raises:
            BrokenTransferError: The connection broke.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Source(Protocol):
    """Something that has images; safe to use from several threads."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def resolve(self) -> Digest | None:
        """Ask which digest the reference's tag has now; None if that costs as much as `top`."""
        ...

    def top(self) -> Document:
        """Return the document that the reference names; it is a manifest or an index."""
        ...

    def document(self, descriptor: Descriptor) -> Document:
        """Return the manifest or index that an index points to, verified."""
        ...

    def blob(self, descriptor: Descriptor, offset: int = 0) -> BlobStream:
        """Open a blob; its bytes are not verified here."""
        ...

    def may_retry(self, failures: int) -> bool:
        """Wait after `failures` in a row; False if that is enough.

        Raises:
            CancelledError: The source was closed meanwhile.
        """
        ...

    def reject(self, descriptor: Descriptor) -> bool:
        """Record that a blob came wrong or not at all; True if another server may do better."""
        ...

    def close(self) -> None:
        """Give up all work in progress and close connections."""
        ...
