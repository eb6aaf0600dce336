"""What flatten needs from a layer; `pull.image` implements it for images from registries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

__all__ = ["Added", "HostLayer", "Layer"]


class Layer(Protocol):
    """One layer's compressed bytes, with the names that errors and checks need."""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the compressed blob, or another name that tells users which layer."""
        ...

    @property
    def diff_id(self) -> str | None:
        """`sha256:<hex>` of the uncompressed tar; None if it isn't stated."""
        ...

    @property
    def media_type(self) -> str:
        """The descriptor's media type; empty if there is none."""
        ...

    def open(self) -> BinaryIO:
        """Open the blob's compressed bytes; flatten closes the stream."""
        ...


class Added(NamedTuple):
    """Marks a layer as an addition from the host, not a layer's changes; see `host_layers`."""

    file_name: bytes | None  # the host's name of a file, b"" if it has none; None for a directory
    into_directory: bool  # its path in the image names a directory, whether there is one or not


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLayer:
    """A layer made from something on this machine, without a known digest.

    Attributes:
        digest: How messages name it.
        opener: Opens its bytes, a tar, plain or compressed; called once for each `flatten`.
        diff_id: `sha256:<hex>` of the uncompressed tar; None if unknown.
        media_type: The descriptor's; empty: told from the bytes.
        added: How it is put on top; None: as a tar with a layer's changes.
    """

    digest: str
    opener: Callable[[], BinaryIO]
    diff_id: str | None = None
    media_type: str = ""
    added: Added | None = None

    def open(self) -> BinaryIO:
        """See `Layer`."""
        return self.opener()
