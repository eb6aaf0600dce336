"""What flatten needs of a layer; `pull.image` has the implementation that registries feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

__all__ = ["Added", "HostLayer", "Layer"]


class Layer(Protocol):
    """One layer's compressed bytes, with the names that errors and checks need."""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the compressed blob, or whatever names the layer to a user."""
        ...

    @property
    def diff_id(self) -> str | None:
        """`sha256:<hex>` of the uncompressed tar; None where nobody has stated it."""
        ...

    @property
    def media_type(self) -> str:
        """The descriptor's media type; empty where there is none."""
        ...

    def open(self) -> BinaryIO:
        """Open the blob's compressed bytes; flatten closes the stream."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What tells something that is put on top from a layer's changes; see `flatten.host_layers`."""

    file_name: bytes | None  # the host's name of a file; None for a directory
    into_directory: bool  # its path in the image names a directory, whether there is one or not


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLayer:
    """A layer made of something of this machine, which nobody has hashed.

    Attributes:
        digest: What names it to the user in errors.
        opener: Opens its bytes, a tar, plain or compressed; called once for each `flatten`.
        diff_id: `sha256:<hex>` of the uncompressed tar; None where nobody has stated it.
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
