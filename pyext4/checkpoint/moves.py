"""Which bytes of one image's data are which of another's, whose copies have another size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pyext4.checkpoint.state import State
from pyext4.image.sink import Piece
from pyext4.space.order import BlockOrder

__all__ = ["Move", "moved", "moves"]


class Move(NamedTuple):
    """Bytes that are in both files, at these offsets."""

    source: int
    target: int
    length: int


def moves(state: State, order: BlockOrder) -> list[Move]:
    """Return how the data of a state gets to the blocks of an image; mostly as a whole.

    Where both are alike, what lies between two moves is a copy, in which nothing was written. So
    it goes along.
    """
    size = order.fixed.block_size
    source = BlockOrder(order.fixed._replace(gdt_area_blocks=state.gdt_area_blocks))
    found: list[Move] = []
    ordinal = 0
    while ordinal < state.handed_out:
        rest = state.handed_out - ordinal
        ours, theirs = source.runs(ordinal, rest)[0], order.runs(ordinal, rest)[0]
        blocks = min(ours.blocks, theirs.blocks)
        move = Move(ours.start * size, theirs.start * size, blocks * size)
        if found and found[-1].target - found[-1].source == move.target - move.source:
            last = found.pop()
            move = last._replace(length=move.source + move.length - last.source)
        found.append(move)
        ordinal += blocks
    return found


def moved(pieces: Iterable[Piece], ways: Sequence[Move]) -> Iterator[Piece]:
    """Yield those of a state's pieces that are in the image as a whole, with their new offsets."""
    for piece in pieces:
        for way in ways:
            at = piece.offset - way.source
            if at >= 0 and at + piece.length <= way.length:
                yield piece._replace(offset=way.target + at)
