"""Which rows are shown: rows in, rows out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pull.command.progress.rows import Fold, Row, State, fold

WAITING, ARRIVING, ARRIVED, CONVERTING, DONE = State


def rows_of(*states: State) -> list[Row]:
    return [
        Row(f"{number:064x}", state, 100 + number, 50, 20) for number, state in enumerate(states)
    ]


def test_rows_that_find_room_stay_as_they_are() -> None:
    rows = rows_of(DONE, DONE, CONVERTING, ARRIVING, WAITING)
    assert fold(rows, 5) == rows
    assert fold([], 0) == []


def test_two_crowds_around_what_moves() -> None:
    rows = rows_of(*[DONE] * 10, CONVERTING, ARRIVING, ARRIVED, ARRIVING, *[WAITING] * 26)
    moving = [rows[10], rows[11], rows[13]]
    waiting = [rows[12], *rows[14:]]
    assert fold(rows, 13) == [
        Fold(DONE, 10, sum(row.size for row in rows[:10]), 0),
        *moving,
        Fold(WAITING, 27, sum(row.size for row in waiting), 1),
    ]


def test_no_crowd_where_nobody_is() -> None:
    assert fold(rows_of(*[WAITING] * 9), 4) == [Fold(WAITING, 9, 936, 0)]
    assert fold(rows_of(*[DONE] * 9), 4) == [Fold(DONE, 9, 936, 0)]
    assert fold(rows_of(*[CONVERTING], *[WAITING] * 3), 3)[0] == rows_of(CONVERTING)[0]


def test_more_that_moves_than_room() -> None:
    rows = rows_of(DONE, CONVERTING, *[ARRIVING] * 20, WAITING)
    assert fold(rows, 6) == [
        Fold(DONE, 1, 100, 0),
        *rows[1:4],
        Fold(ARRIVING, 18, sum(row.size for row in rows[4:22]), 0),
        Fold(WAITING, 1, 122, 0),
    ]


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_next_to_no_room(room: int) -> None:
    rows = rows_of(DONE, DONE, CONVERTING, ARRIVING, ARRIVING, WAITING, WAITING)
    shown = fold(rows, room)
    assert len(shown) <= room
    assert (rows[2] in shown) == (room > 0)


@given(st.lists(st.sampled_from(list(State)), max_size=60), st.integers(0, 60))
def test_laws(states: list[State], room: int) -> None:
    rows = rows_of(*states)
    shown = fold(rows, room)
    assert len(shown) <= room
    kept = [row for row in shown if isinstance(row, Row)]
    assert kept == sorted(kept)  # in the order of the layers: the digest is their number
    if room >= 5:
        moving = [row for row in rows if row.moves]
        counted = sum(row.layers for row in shown if isinstance(row, Fold)) + len(kept)
        assert counted == len(rows)  # each is in one of them
        assert len([row for row in kept if row.moves]) >= min(len(moving), room - 3)
