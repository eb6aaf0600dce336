"""Compare the order of blocks with a list of all blocks that no copy has."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyext4.space.geometry import Fixed
from pyext4.space.order import BlockOrder

GROUP = 8192
FIXED = Fixed(block_size=1024, desc_size=64, gdt_area_blocks=3)
LAST = 12 * GROUP


def listed(fixed: Fixed) -> list[int]:
    """Return the blocks in order, from the definition: groups 0, 1 and powers of 3, 5 and 7."""
    return [
        block
        for group in range(LAST // GROUP)
        for block in range(1 + group * GROUP, 1 + (group + 1) * GROUP)
        if group not in {0, 1, 3, 5, 7, 9} or block > group * GROUP + fixed.copy_blocks
    ]


BLOCKS = listed(FIXED)
RUNS = st.tuples(st.integers(0, len(BLOCKS) - 1), st.integers(1, 3 * GROUP)).filter(
    lambda run: sum(run) <= len(BLOCKS)
)


def test_all_blocks() -> None:
    order = BlockOrder(FIXED)
    numbers = range(len(BLOCKS))
    assert order.blocks(numbers) == BLOCKS
    assert BlockOrder(FIXED).ordinals(BLOCKS) == list(numbers)
    assert order.ordinals([]) == order.blocks([]) == order.cut([], []) == []


@given(st.lists(RUNS, max_size=9))
def test_runs_and_single_blocks(runs: list[tuple[int, int]]) -> None:
    order = BlockOrder(FIXED)
    cut = []
    for number, (ordinal, count) in enumerate(runs):
        found = order.runs(ordinal, count)
        blocks = BLOCKS[ordinal : ordinal + count]
        assert [block for run in found for block in range(run.start, run.end)] == blocks
        assert all(one.end < other.start for one, other in itertools.pairwise(found))
        assert order.ordinal(blocks[0]) == ordinal
        assert order.end(ordinal + count) == blocks[-1] + 1
        if len(found) > 1:
            cut.append(number)
    ordinals, counts = [run[0] for run in runs], [run[1] for run in runs]
    assert BlockOrder(FIXED).cut(ordinals, counts) == cut


@pytest.mark.parametrize("block_size", [1024, 4096])
def test_ends(block_size: int) -> None:
    fixed = Fixed(block_size=block_size, desc_size=32, gdt_area_blocks=7)
    order = BlockOrder(fixed)
    stretch = order.stretch(0)
    assert stretch == (8 + fixed.first_data_block, 8 * block_size - 8)
    assert order.end(0) == stretch.start
    assert order.end(stretch.blocks) == stretch.end  # not behind the copy that follows
    assert order.ordinal(stretch.end) == stretch.blocks
    assert order.ordinal(order.stretch(1).start) == stretch.blocks
