"""The blocks outside the copies, counted one after the other.

What is handed out depends on this count alone. So a filesystem of another size, whose copies are
larger or smaller, has the same data in the same order, only at other blocks.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from pyext4.space.geometry import Fixed
from pyext4.space.runs import Run

__all__ = ["BlockOrder"]


class BlockOrder:
    """Tells a block's ordinal, and the block of an ordinal: how many blocks come before it.

    A stretch is what lies between two copies. Stretches are found as they are needed: where the
    filesystem ends is not known yet.
    """

    def __init__(self, fixed: Fixed) -> None:
        self.fixed = fixed
        self._groups = fixed.copies()  # of the copies behind `_stretches`
        self._stretches: list[Run] = []
        self._starts: list[int] = []  # their first blocks
        self._ordinals: list[int] = []  # of these
        self._barrier = fixed.group_start(next(self._groups))
        self._extend()

    def stretch(self, number: int) -> Run:
        """Return the blocks between the copies `number` and `number + 1`."""
        while number >= len(self._stretches):
            self._extend()
        return self._stretches[number]

    def ordinal(self, block: int) -> int:
        """Return how many blocks come before a block that is in no copy, or is a stretch's end."""
        self._reach_block(block)
        number = bisect_right(self._starts, block) - 1
        return self._ordinals[number] + block - self._starts[number]

    def ordinals(self, blocks: Iterable[int]) -> list[int]:
        """Return the ordinals of many blocks."""
        blocks = list(blocks)
        self._reach_block(max(blocks, default=0))
        starts, firsts = self._starts, self._ordinals
        shifts = [0, *(first - start for first, start in zip(firsts, starts, strict=True))]
        return [block + shifts[bisect_right(starts, block)] for block in blocks]

    def end(self, ordinal: int) -> int:
        """Return the block after the one that comes before an ordinal; the first one for 0."""
        return self.runs(ordinal - 1, 1)[0].end if ordinal else self._starts[0]

    def runs(self, ordinal: int, blocks: int) -> list[Run]:
        """Return where as many blocks are from an ordinal on; copies cut them."""
        self._reach_ordinal(ordinal + blocks)
        number = bisect_right(self._ordinals, ordinal) - 1
        runs = []
        while blocks:
            start, room = self._stretches[number]
            skipped = ordinal - self._ordinals[number]
            taken = min(blocks, room - skipped)
            runs.append(Run(start + skipped, taken))
            ordinal += taken
            blocks -= taken
            number += 1
        return runs

    def blocks(self, ordinals: Iterable[int]) -> list[int]:
        """Return the blocks of many ordinals."""
        ordinals = list(ordinals)
        self._reach_ordinal(max(ordinals, default=0) + 1)
        starts, firsts = self._starts, self._ordinals
        shifts = [0, *(start - first for first, start in zip(firsts, starts, strict=True))]
        return [ordinal + shifts[bisect_right(firsts, ordinal)] for ordinal in ordinals]

    def cut(self, ordinals: Sequence[int], blocks: Sequence[int]) -> list[int]:
        """Return which of many runs, each of so many blocks from an ordinal on, copies cut."""
        ends = list(map(operator.add, ordinals, blocks))
        self._reach_ordinal(max(ends, default=0))
        firsts = self._ordinals
        stretch_ends = [*firsts[1:], firsts[-1] + self._stretches[-1].blocks]
        return [
            number
            for number, (start, end) in enumerate(zip(ordinals, ends, strict=True))
            if end > stretch_ends[bisect_right(firsts, start) - 1]
        ]

    def _reach_block(self, block: int) -> None:
        while block >= self._barrier:
            self._extend()

    def _reach_ordinal(self, ordinal: int) -> None:
        while ordinal > self._ordinals[-1] + self._stretches[-1].blocks:
            self._extend()

    def _extend(self) -> None:
        start = self._barrier + self.fixed.copy_blocks
        self._barrier = self.fixed.group_start(next(self._groups))
        if self._stretches:
            self._ordinals.append(self._ordinals[-1] + self._stretches[-1].blocks)
        else:
            self._ordinals.append(0)
        self._starts.append(start)
        self._stretches.append(Run(start, self._barrier - start))
