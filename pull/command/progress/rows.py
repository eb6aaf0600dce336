"""One row a layer, and which of them are shown: rows in, rows out.

Where all rows find room, all are shown. Where they don't, what moves stays, and each of the two
crowds becomes one row: those that are done, before it, and those that wait, behind it. So the
picture keeps its height while layers go from one crowd to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

__all__ = ["Fold", "Row", "State", "fold"]


class State(Enum):
    """Where a layer is on its way; the words are shown."""

    WAITING = "waiting"  # nothing of it is here
    ARRIVING = "arriving"
    ARRIVED = "arrived"  # and waits for its turn
    CONVERTING = "converting"  # it may still be arriving
    DONE = "done"


class Row(NamedTuple):
    """One layer; sizes in bytes, compressed."""

    digest: str  # the hex digits, all of them
    state: State
    size: int
    arrived: int
    converted: int

    @property
    def moves(self) -> bool:
        """Tell whether it changes by itself."""
        return self.state in (State.ARRIVING, State.CONVERTING)


class Fold(NamedTuple):
    """Several layers in one row."""

    state: State
    layers: int
    size: int
    here: int  # of layers that wait: how many have arrived


def fold(rows: Sequence[Row], room: int) -> list[Row | Fold]:
    """Return at most `room` rows that stand for all of them."""
    if len(rows) <= room:
        return list(rows)
    if room <= 0:
        return []
    done = [row for row in rows if row.state is State.DONE]
    waiting = [row for row in rows if row.state in (State.WAITING, State.ARRIVED)]
    moving = [row for row in rows if row.moves]
    left = room - bool(done) - bool(waiting)
    if len(moving) > left:  # more than find room: those that will be converted next
        # the crowds go first where even these don't fit
        shown = moving[: max(left - 1, 1)]
        hidden = moving[len(shown) :]
    else:
        shown, hidden = moving, []
    folded: list[Row | Fold] = [*_folded(State.DONE, done), *shown]
    folded += [*_folded(State.ARRIVING, hidden), *_folded(State.WAITING, waiting)]
    if len(folded) > room:
        folded = [row for row in folded if isinstance(row, Row)] or folded
    return folded[:room]


def _folded(state: State, rows: Sequence[Row]) -> list[Fold]:
    if not rows:
        return []
    arrived = sum(row.state is State.ARRIVED for row in rows)
    return [Fold(state, len(rows), sum(row.size for row in rows), arrived)]
