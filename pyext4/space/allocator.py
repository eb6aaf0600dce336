"""Choose the next block: a bump allocator that skips the copies and fills holes first.

Data grows upwards from the first free block. Released blocks become holes; a later allocation that
fits into a hole goes there as a whole, the smallest class of hole first, so that a hole is filled
by data of about its size. Everything depends only on the order of calls, which makes an image
reproducible, and not on how large the copies are: holes are kept by their ordinals (`BlockOrder`),
so one that a copy cuts is one hole.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from pyext4.space.geometry import Fixed
from pyext4.space.order import BlockOrder
from pyext4.space.runs import Run

__all__ = ["Allocator"]


class Allocator:
    """Hands out the blocks of one image."""

    def __init__(self, fixed: Fixed) -> None:
        self.order = BlockOrder(fixed)
        self._stretch = 0  # the number of the one that is being handed out
        self._position, room = self.order.stretch(0)
        self._barrier = self._position + room
        # ordinals
        self._holes: dict[int, int] = {}  # first block -> blocks
        self._ends: dict[int, int] = {}  # block after the hole -> first block
        # for each power of two, the first blocks of holes of at least that many blocks; stale where
        # _holes says otherwise
        self._classes: dict[int, list[int]] = {}

    @property
    def end(self) -> int:
        """The block after all that were handed out, including holes."""
        return self._position

    @property
    def handed_out(self) -> int:
        """Count of the blocks that were handed out, including holes."""
        return self.order.ordinal(self._position)

    @property
    def largest_hole(self) -> int:
        """Blocks of the largest hole."""
        return max(self._holes.values(), default=0)

    def holes(self) -> Iterator[Run]:
        """Yield runs that were released and not handed out again, in ascending order."""
        for ordinal, blocks in self.holes_by_ordinal():
            yield from self.order.runs(ordinal, blocks)

    def holes_by_ordinal(self) -> list[tuple[int, int]]:
        """Return the ordinals at which holes begin, and their blocks, in ascending order."""
        return sorted(self._holes.items())

    def copy(self) -> Allocator:
        """Return an independent allocator that continues from here, without the holes.

        It is for finding out how far something would reach.
        """
        other = Allocator(self.order.fixed)
        while other._stretch < self._stretch:
            other._pass_copy()
        other._position = self._position
        return other

    def go_to(self, handed_out: int, holes: Iterable[tuple[int, int]]) -> None:
        """Go on where another allocator was; holes are given by their ordinals.

        This one must be new. Their copies may have other sizes.
        """
        end = self.order.end(handed_out)
        while self._barrier < end:
            self._pass_copy()
        self._position = end
        for ordinal, blocks in holes:
            self._add_hole(ordinal, blocks)

    def allocate(self, blocks: int) -> list[Run]:
        """Hand out blocks, in as few pieces as possible."""
        if self._holes:
            ordinal = self._from_hole(blocks)
            if ordinal is not None:
                return self.order.runs(ordinal, blocks)
        start = self._position
        if start + blocks <= self._barrier:
            self._position = start + blocks
            return [Run(start, blocks)]
        return self._round_copies(blocks)

    def behind(self, blocks: int) -> list[Run]:
        """Hand out blocks after everything else, even if there are holes."""
        return self._round_copies(blocks)

    def contiguous(self, blocks: int) -> int:
        """Hand out blocks in one piece after everything else; return the first.

        If the room before the next copy is too short, it becomes a hole.
        """
        while self._position + blocks > self._barrier:
            gap = self._barrier - self._position
            if gap:
                self.release(Run(self._position, gap))
            self._pass_copy()
        start = self._position
        self._position += blocks
        return start

    def release(self, run: Run) -> None:
        """Take blocks back."""
        start, blocks = self.order.ordinal(run.start), run.blocks
        before = self._ends.pop(start, None)
        if before is not None:
            blocks += self._holes.pop(before)
            start = before
        after = self._holes.pop(start + blocks, None)
        if after is not None:
            del self._ends[start + blocks + after]
            blocks += after
        self._add_hole(start, blocks)

    def unused(self, taken: Iterable[Run]) -> Iterator[Run]:
        """Yield handed-out runs that are neither in `taken` nor released, in ascending order."""
        stretches = [self.order.stretch(number) for number in range(self._stretch + 1)]
        at = self.order.fixed.first_data_block
        passed = []
        for stretch in stretches:
            passed.append(Run(at, stretch.start - at))
            at = stretch.end
        at = self.order.fixed.first_data_block
        for start, blocks in sorted([*taken, *self.holes(), *passed]):
            if start > at:
                yield Run(at, start - at)
            at = max(at, start + blocks)
        if self._position > at:
            yield Run(at, self._position - at)

    def _round_copies(self, blocks: int) -> list[Run]:
        runs: list[Run] = []
        while blocks:
            room = self._barrier - self._position
            if room == 0:
                self._pass_copy()
                continue
            taken = min(room, blocks)
            if runs and runs[-1].end == self._position:
                runs[-1] = Run(runs[-1].start, runs[-1].blocks + taken)
            else:
                runs.append(Run(self._position, taken))
            self._position += taken
            blocks -= taken
        return runs

    def _pass_copy(self) -> None:
        """Skip the next copy; the one after it is the new barrier."""
        self._stretch += 1
        self._position, room = self.order.stretch(self._stretch)
        self._barrier = self._position + room

    def _add_hole(self, start: int, blocks: int) -> None:
        self._holes[start] = blocks
        self._ends[start + blocks] = start
        heapq.heappush(self._classes.setdefault(blocks.bit_length() - 1, []), start)

    def _from_hole(self, blocks: int) -> int | None:
        """Take blocks from the first hole of the smallest class in which all are large enough."""
        smallest = (blocks - 1).bit_length()
        for size_class in sorted(self._classes):
            if size_class < smallest:
                continue
            starts = self._classes[size_class]
            while starts:
                start = heapq.heappop(starts)
                length = self._holes.get(start, 0)
                if length.bit_length() - 1 != size_class:
                    continue  # stale: grown, shrunk or gone
                del self._holes[start]
                del self._ends[start + length]
                if length > blocks:
                    self._add_hole(start + blocks, length - blocks)
                return start
            del self._classes[size_class]
        return None
