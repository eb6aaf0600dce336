"""Which block is used by what: ranges collected in any order, then compared with the bitmaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pyext4.errors import DamagedError
from pyext4.reader.disk.measures import Layout

__all__ = ["Claims"]


class Claims:
    """Collects (first block, length, owner); the owner is a text for errors."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int, str]] = []
        self.total = 0  # blocks, counted once for each claim

    def add(self, first: int, length: int, owner: str) -> None:
        """Note that `owner` uses `length` blocks from `first`."""
        if length:
            self._stretches.append((first, length, owner))
            self.total += length

    def overlaps(self) -> Iterator[DamagedError]:
        """Yield an error for each block where a range begins inside another."""
        end, last = 0, ""
        for first, length, owner in sorted(self._stretches):
            if first < end:
                yield DamagedError("block", first, f"used by {last} and by {owner}")
            if first + length > end:
                end, last = first + length, owner

    def bitmaps(self, layout: Layout) -> dict[int, int]:
        """Return group -> its bits as one integer; the group's block 0 is the lowest bit.

        Groups without claims are left out.
        """
        bits: dict[int, int] = defaultdict(int)
        for first, end in self._joined():
            at = first
            while at < end:
                group, inside = divmod(at - layout.first_data_block, layout.blocks_per_group)
                count = min(end - at, layout.blocks_per_group - inside)
                bits[group] |= ((1 << count) - 1) << inside
                at += count
        return bits

    def _joined(self) -> Iterator[tuple[int, int]]:
        """Yield (first, end) of ranges, joined where they touch or overlap."""
        begin = end = 0
        for first, length, _ in sorted(self._stretches):
            if first > end:
                if end > begin:
                    yield begin, end
                begin = first
            end = max(end, first + length)
        if end > begin:
            yield begin, end
