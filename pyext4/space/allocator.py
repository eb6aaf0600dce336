"""Choose the next block: a bump allocator that skips the copies and fills holes first.

Data grows upwards from the first free block. Released blocks become holes; a later allocation that
fits into a hole goes there in one piece, the smallest class of hole first, so that a hole is filled
by data of about its size. Everything depends only on the order of calls, which makes an image
reproducible.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator

from pyext4.space.geometry import Fixed
from pyext4.space.runs import Run

__all__ = ["Allocator"]


class Allocator:
    """Hands out the blocks of one image."""

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed
        self._copies = fixed.copies()
        self._position = self._barrier = 0
        self._pass_copy()
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
        copies = sum(
            self._fixed.copy_blocks
            for _ in itertools.takewhile(
                lambda group: self._fixed.group_start(group) < self._position,
                self._fixed.copies(),
            )
        )
        return self._position - self._fixed.first_data_block - copies

    @property
    def largest_hole(self) -> int:
        """Blocks of the largest hole."""
        return max(self._holes.values(), default=0)

    def holes(self) -> Iterator[Run]:
        """Yield runs that were released and not handed out again, in ascending order."""
        yield from itertools.starmap(Run, sorted(self._holes.items()))

    def copy(self) -> Allocator:
        """Return an independent allocator that continues from here, without the holes.

        It is for finding out how far something would reach.
        """
        other = Allocator(self._fixed)
        while other._barrier < self._barrier:
            other._pass_copy()
        other._position = self._position
        return other

    def go_to(self, position: int, holes: Iterable[Run]) -> None:
        """Go on where another allocator was, which had handed out nothing behind `position`."""
        while self._barrier < position:
            self._pass_copy()
        self._position = max(position, self._position)
        for hole in holes:
            self._add_hole(*hole)

    def allocate(self, blocks: int) -> list[Run]:
        """Hand out blocks, in as few pieces as possible."""
        if self._holes:
            start = self._from_hole(blocks)
            if start is not None:
                return [Run(start, blocks)]
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
        start, blocks = run
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
        copies = itertools.takewhile(
            lambda group: self._fixed.group_start(group) < self._position, self._fixed.copies()
        )
        passed = [(self._fixed.group_start(copy), self._fixed.copy_blocks) for copy in copies]
        at = self._fixed.first_data_block
        for start, blocks in sorted([*taken, *self._holes.items(), *passed]):
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
        if self._barrier == 0:
            next(self._copies)
            self._position = self._fixed.first_data_block + self._fixed.copy_blocks
        else:
            self._position = self._barrier + self._fixed.copy_blocks
        self._barrier = self._fixed.group_start(next(self._copies))

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
