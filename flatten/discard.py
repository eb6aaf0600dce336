"""The content store for callers that only want a tree's names and attributes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from pyext4.buffer import Buffer
from pyext4.content import Segment, Span

__all__ = ["Discard"]


class _Nothing:
    def open(self, size: int) -> BinaryIO:
        """Refuse: the bytes are gone."""
        msg = f"{size} bytes of content were discarded"
        raise io.UnsupportedOperation(msg)


_NOTHING = _Nothing()


class Discard:
    """Takes every byte and keeps none; contents can't be opened."""

    def allocate(self, size: int, segments: Sequence[Segment] | None = None) -> _Nothing:
        """Return a content that can't be opened."""
        del size, segments
        return _NOTHING

    def place(self, chunk: Buffer, spans: Iterable[Span]) -> None:
        """Drop the pieces."""

    def release(self, content: object) -> None:
        """Do nothing."""
