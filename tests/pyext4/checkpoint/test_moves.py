"""Where the data of a state goes in an image whose copies have another size."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pyext4.checkpoint import State
from pyext4.checkpoint.moves import Move, moved, moves
from pyext4.image.sink import Piece
from pyext4.space.geometry import Fixed
from pyext4.space.order import BlockOrder

GROUP = 8192
AREAS = st.integers(1, 300)


def order_of(area: int) -> BlockOrder:
    return BlockOrder(Fixed(block_size=1024, desc_size=64, gdt_area_blocks=area))


def state_of(area: int, handed_out: int) -> State:
    return State(
        facts={},
        end_bytes=0,
        pieces=[],
        gdt_area_blocks=area,
        handed_out=handed_out,
        data_blocks=0,
        holes=[],
        columns={},
    )


@given(areas=st.tuples(AREAS, AREAS), handed_out=st.integers(0, 12 * GROUP))
def test_each_block_goes_where_its_ordinal_is(areas: tuple[int, int], handed_out: int) -> None:
    before, after = map(order_of, areas)
    ways = moves(state_of(areas[0], handed_out), after)
    goes = {way.source + at: way.target + at for way in ways for at in range(0, way.length, 1024)}
    numbers = range(handed_out)
    for source, target in zip(before.blocks(numbers), after.blocks(numbers), strict=True):
        assert goes[source * 1024] == target * 1024
    assert all(one.target + one.length <= other.target for one, other in itertools.pairwise(ways))
    if areas[0] == areas[1]:
        assert len(ways) == (handed_out > 0)
    else:
        assert len(goes) == handed_out


def test_pieces_that_are_cut_are_left_out() -> None:
    ways = [Move(0, 10, 100), Move(200, 150, 50)]
    pieces = [Piece(0, 100, 1), Piece(90, 20, 2), Piece(200, 10, 3), Piece(245, 10, 4)]
    assert list(moved(pieces, ways)) == [Piece(10, 100, 1), Piece(150, 10, 3)]
