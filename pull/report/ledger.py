"""Which layer brought each file's bytes, noted while the layers are merged.

    ledger = Ledger(store, block_size=4096)
    ledger.begin(0)
    tree = flatten(layers, into=ledger, on_layer=ledger.begin)

A content store around another one: what is allocated belongs to the layer that is being applied.
Only who asks for a report pays for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from pyext4.buffer import Buffer
from pyext4.content import ContentStore, Segment, Span
from pyext4.image.store import Stored
from pyext4.tree import Openable

__all__ = ["Ledger"]


class _Same:
    """Another name of a content: a store that keeps nothing gives all files the same one."""

    def __init__(self, content: Openable) -> None:
        self._content = content

    def open(self, size: int) -> BinaryIO:
        """Open the content that it stands for."""
        return self._content.open(size)


class Ledger:
    """Counts bytes in whole blocks, as they stand in a filesystem; holes of sparse files don't."""

    def __init__(self, store: ContentStore, block_size: int) -> None:
        """Go around `store`; `block_size` in bytes."""
        self._store = store
        self._block_size = block_size
        self._layer = 0
        # what each content takes, and who brought it; those that were released too
        self.contents: dict[Openable, tuple[int, int]] = {}
        self.released: dict[int, int] = {}  # bytes, by layer

    def begin(self, layer: int) -> None:
        """Turn to a layer, by its number."""
        self._layer = layer

    def allocate(self, size: int, segments: Sequence[Segment] | None = None) -> Openable:
        """See `ContentStore`."""
        content = self._store.allocate(size, segments)
        if content in self.contents:
            content = _Same(content)
        self.contents[content] = self._taken(content, size, segments), self._layer
        return content

    def place(self, chunk: Buffer, spans: Iterable[Span]) -> None:
        """See `ContentStore`."""
        self._store.place(chunk, spans)

    def release(self, content: Openable) -> None:
        """See `ContentStore`."""
        taken, layer = self.contents.pop(content)
        self.released[layer] = self.released.get(layer, 0) + taken
        self._store.release(content)

    def _taken(self, content: Openable, size: int, segments: Sequence[Segment] | None) -> int:
        if isinstance(content, Stored):
            return sum(extent.blocks for extent in content.extents) * self._block_size
        block = self._block_size
        blocks = end = 0
        for offset, length in segments if segments is not None else ((0, size),):
            first = max(offset // block, end)
            end = max(-(-(offset + length) // block), first)
            blocks += end - first
        return blocks * block
