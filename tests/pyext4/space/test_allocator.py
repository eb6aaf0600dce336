"""Compare the allocator with a model that tracks every block."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pyext4.space.allocator import Allocator
from pyext4.space.geometry import Fixed
from pyext4.space.runs import Run

FIXED = Fixed(block_size=1024, desc_size=64, gdt_area_blocks=3)  # copies of 4 blocks
GROUP = 8192
COPY = 4
AREAS = st.integers(1, 40)


def blocks_of(runs: list[Run]) -> list[int]:
    return [block for start, count in runs for block in range(start, start + count)]


def ordinals(allocator: Allocator, runs: list[Run]) -> list[int]:
    return [
        ordinal
        for start, count in runs
        for ordinal in range(allocator.order.ordinal(start), allocator.order.ordinal(start) + count)
    ]


def copies(fixed: Fixed, below: int) -> set[int]:
    out: set[int] = set()
    for group in fixed.copies():
        start = fixed.group_start(group)
        if start >= below:
            return out
        out.update(range(start, start + fixed.copy_blocks))
    return out


def test_begins_behind_the_first_copy() -> None:
    assert Allocator(FIXED).allocate(1) == [(1 + COPY, 1)]
    whole = Fixed(block_size=4096, desc_size=64, gdt_area_blocks=10)
    assert Allocator(whole).allocate(2) == [(11, 2)]


def test_one_piece_up_to_a_copy() -> None:
    room = GROUP - COPY
    assert Allocator(FIXED).allocate(room) == [(1 + COPY, room)]


def test_two_pieces_round_a_copy() -> None:
    room = GROUP - COPY
    assert Allocator(FIXED).allocate(room + 1) == [(1 + COPY, room), (1 + GROUP + COPY, 1)]


def test_a_group_without_a_copy_cuts_nothing() -> None:
    allocator = Allocator(FIXED)
    allocator.behind(GROUP)
    # groups 1 and 2 have one copy, at the begin of 1; the next is at the begin of 3
    assert allocator.allocate(2 * GROUP - 2 * COPY) == [
        (1 + GROUP + 2 * COPY, 2 * GROUP - 2 * COPY)
    ]


def test_many_groups_are_cut_at_powers_of_3_5_7() -> None:
    runs = Allocator(FIXED).allocate(30 * GROUP)
    starts = [(start - 1 - COPY) // GROUP for start, _ in runs]
    assert starts == [0, 1, 3, 5, 7, 9, 25, 27]


def test_contiguous_leaves_a_hole_before_a_copy() -> None:
    allocator = Allocator(FIXED)
    allocator.behind(GROUP - COPY - 10)
    assert allocator.contiguous(11) == 1 + GROUP + COPY
    assert list(allocator.holes()) == [(1 + GROUP - 10, 10)]
    assert allocator.allocate(8) == [(1 + GROUP - 10, 8)]


def test_contiguous_fits_exactly_before_a_copy() -> None:
    allocator = Allocator(FIXED)
    allocator.behind(GROUP - COPY - 10)
    assert allocator.contiguous(10) == 1 + GROUP - 10
    assert list(allocator.holes()) == []


def test_hole_of_8_takes_8() -> None:
    allocator = Allocator(FIXED)
    (first,) = allocator.allocate(8)
    allocator.allocate(5)
    allocator.release(first)
    assert allocator.allocate(8) == [first]


def test_hole_that_is_too_small_is_left() -> None:
    allocator = Allocator(FIXED)
    (first,) = allocator.allocate(7)
    end = allocator.end
    allocator.release(first)
    assert allocator.allocate(8) == [(end, 8)]
    assert list(allocator.holes()) == [first]


def test_hole_of_a_class_that_may_be_too_small_is_left() -> None:
    """10 blocks are looked for among holes of 16 and more, each of which is large enough."""
    allocator = Allocator(FIXED)
    (first,) = allocator.allocate(12)
    allocator.allocate(1)
    allocator.release(first)
    assert allocator.allocate(10)[0][0] > first[0]
    assert allocator.allocate(8) == [(first[0], 8)]


def test_neighbours_become_one_hole() -> None:
    allocator = Allocator(FIXED)
    runs = [allocator.allocate(3)[0] for _ in range(3)]
    for run in (runs[0], runs[2], runs[1]):
        allocator.release(run)
    assert list(allocator.holes()) == [(runs[0][0], 9)]
    assert allocator.largest_hole == 9


def test_a_hole_that_a_copy_cuts_is_one() -> None:
    allocator = Allocator(FIXED)
    allocator.behind(GROUP - COPY - 10)
    runs = allocator.allocate(16)
    assert runs == [(1 + GROUP - 10, 10), (1 + GROUP + COPY, 6)]
    for run in runs:
        allocator.release(run)
    assert list(allocator.holes()) == runs
    assert allocator.largest_hole == 16
    assert allocator.allocate(12) == [(1 + GROUP - 10, 10), (1 + GROUP + COPY, 2)]


def test_behind_takes_no_hole() -> None:
    allocator = Allocator(FIXED)
    (first,) = allocator.allocate(8)
    allocator.release(first)
    assert allocator.behind(8) == [(1 + COPY + 8, 8)]


def test_copy_goes_on_without_changing() -> None:
    allocator = Allocator(FIXED)
    allocator.behind(3 * GROUP)
    end = allocator.end
    trial = allocator.copy()
    assert trial.behind(5 * GROUP) == allocator.copy().behind(5 * GROUP)
    assert allocator.end == end


@given(st.lists(st.integers(1, 3 * GROUP), max_size=8))
def test_handed_out_counts_all_but_copies(sizes: list[int]) -> None:
    allocator = Allocator(FIXED)
    for size in sizes:
        allocator.behind(size)
    assert allocator.handed_out == sum(sizes)


class Model(RuleBasedStateMachine):
    """Every block is free, a copy's, or someone's."""

    @initialize(block_size=st.sampled_from([1024, 4096]), areas=st.tuples(AREAS, AREAS))
    def begin(self, block_size: int, areas: tuple[int, int]) -> None:
        self.fixed, other = (
            Fixed(block_size=block_size, desc_size=64, gdt_area_blocks=area) for area in areas
        )
        self.allocator = Allocator(self.fixed)
        self.twin = Allocator(self.fixed)
        self.other = Allocator(other)  # an image of another size
        self.others: list[list[Run]] = []
        self.taken: set[int] = set()
        self.released: set[int] = set()
        self.owned: list[list[Run]] = []

    def take(self, runs: list[Run], others: list[Run], blocks: int) -> None:
        assert ordinals(self.allocator, runs) == ordinals(self.other, others)
        self.others.append(others)
        numbers = blocks_of(runs)
        assert len(numbers) == blocks
        assert not self.taken.intersection(numbers)
        assert not copies(self.fixed, max(numbers) + 1).intersection(numbers)
        self.taken.update(numbers)
        self.released.difference_update(numbers)
        self.owned.append(runs)

    @rule(blocks=st.integers(1, 20_000))
    def allocate(self, blocks: int) -> None:
        largest = self.allocator.largest_hole
        runs = self.allocator.allocate(blocks)
        assert runs == self.twin.allocate(blocks)
        # the smallest class that is large enough throughout, so half its size always fits
        if 2 * blocks <= largest:
            assert self.released.issuperset(blocks_of(runs))
            first = ordinals(self.allocator, runs)[0]
            assert ordinals(self.allocator, runs) == list(range(first, first + blocks))
        self.take(runs, self.other.allocate(blocks), blocks)

    @rule(blocks=st.integers(1, 20_000))
    def behind(self, blocks: int) -> None:
        end = self.allocator.end
        runs = self.allocator.behind(blocks)
        assert runs == self.twin.behind(blocks)
        assert runs[0][0] >= end
        self.take(runs, self.other.behind(blocks), blocks)

    @precondition(lambda self: self.other.order.fixed == self.fixed)  # only metadata is so placed
    @rule(blocks=st.integers(1, 5000))
    def contiguous(self, blocks: int) -> None:
        before = dict(self.allocator.holes())
        start = self.allocator.contiguous(blocks)
        assert start == self.twin.contiguous(blocks)
        for hole, count in self.allocator.holes():
            if hole not in before or before[hole] != count:
                self.released.update(range(hole, hole + count))
        assert start == self.other.contiguous(blocks)
        self.take([Run(start, blocks)], [Run(start, blocks)], blocks)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.owned:
            number = data.draw(st.integers(0, len(self.owned) - 1))
            runs = self.owned.pop(number)
            for run in runs:
                self.allocator.release(run)
                self.twin.release(run)
            for run in self.others.pop(number):
                self.other.release(run)
            self.taken.difference_update(blocks_of(runs))
            self.released.update(blocks_of(runs))

    @invariant()
    def holes_are_what_was_released(self) -> None:
        holes = list(self.allocator.holes())
        assert set(blocks_of(holes)) == self.released
        assert holes == sorted(holes)
        assert self.allocator.holes_by_ordinal() == self.other.holes_by_ordinal()
        assert self.allocator.handed_out == self.other.handed_out


TestModel = Model.TestCase
