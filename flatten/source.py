"""What flatten needs of a layer; `pull.image` has the implementation that registries feed."""

from __future__ import annotations

from typing import BinaryIO, Protocol

__all__ = ["Layer"]


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
