"""The picture as a pure function: what is seen and a size in, lines out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pull.command.progress.frame import ASCII, Terminal, frame, plain
from pull.command.progress.rows import Row, State
from pull.command.progress.watch import Seen

MIB = 1 << 20
NAME = "registry.example.com/some/quite/long/repository:v1.2.3"
DIGEST = "sha256:" + "0123456789abcdef" * 4
STAGES = ("find", "convert", "add", "print", "export", "write", "cache")


def row(number: int, state: State) -> Row:
    arrived = {State.WAITING: 0, State.ARRIVING: 5 * MIB, State.CONVERTING: 15 * MIB}
    converted = {State.CONVERTING: 10 * MIB, State.DONE: 20 * MIB}
    return Row(
        f"{number:02x}" * 32, state, 20 * MIB, arrived.get(state, 20 * MIB), converted.get(state, 0)
    )


def seen(*states: State, **changes: object) -> Seen:
    facts = Seen(
        "docker.io/library/debian:12",
        DIGEST,
        "linux/amd64",
        [row(number, state) for number, state in enumerate(states)],
        "convert",
        65.0,
        3.5 * MIB,
        17.9,
    )
    return facts._replace(**changes)  # type: ignore[arg-type]


def drawn(facts: Seen, columns: int, rows: int) -> list[str]:
    return [plain(line) for line in frame(facts, Terminal(columns, rows, measure=cell_len))]


FORTY = [State.DONE] * 12 + [State.CONVERTING] + [State.ARRIVING] * 3 + [State.WAITING] * 24


def test_100_by_30() -> None:
    facts = seen(State.DONE, State.CONVERTING, State.ARRIVING, State.ARRIVED, State.WAITING)
    assert drawn(facts, 100, 30) == [
        "docker.io/library/debian:12  sha256:0123456789ab  linux/amd64",
        "✓ 000000000000 done                                                   20.0 MiB",
        f"→ 010101010101 converting {'━' * 16}{'─' * 8}{'·' * 8} 10.0 MiB / 20.0 MiB",
        f"↓ 020202020202 arriving   {'─' * 8}{'·' * 24} 5.00 MiB / 20.0 MiB",
        "• 030303030303 arrived                                                20.0 MiB",
        "· 040404040404 waiting                                                20.0 MiB",
        (
            f"⠋ total        arriving   {'━' * 9}{'─' * 10}{'·' * 13}"
            "  60.0 MiB / 100 MiB 3.50 MiB/s 0:17 left"
        ),
    ]


def test_80_by_16_with_40_layers() -> None:
    assert drawn(seen(*FORTY), 80, 16) == [
        "docker.io/library/debian:12  sha256:0123456789ab  linux/amd64",
        "✓ 12 of 40 layers done                                                  240 MiB",
        f"→ 0c0c0c0c0c0c converting {'━' * 16}{'─' * 8}{'·' * 9} 10.0 MiB / 20.0 MiB",
        f"↓ 0d0d0d0d0d0d arriving   {'─' * 8}{'·' * 25} 5.00 MiB / 20.0 MiB",
        f"↓ 0e0e0e0e0e0e arriving   {'─' * 8}{'·' * 25} 5.00 MiB / 20.0 MiB",
        f"↓ 0f0f0f0f0f0f arriving   {'─' * 8}{'·' * 25} 5.00 MiB / 20.0 MiB",
        "· 24 of 40 layers waiting                                               480 MiB",
        "⠋ total        arriving   ━━━─········   270 MiB / 800 MiB 3.50 MiB/s 0:17 left",
    ]


def test_40_by_12_with_40_layers() -> None:
    assert drawn(seen(*FORTY, reference=NAME), 40, 12) == [
        "registry.exam…te/long/repository:v1.2.3",
        "sha256:0123456789ab linux/amd64",
        "✓ 12 of 40 layers done          240 MiB",
        "→ 0c0c0c0c converting ━━━━──·· 20.0 MiB",
        "↓ 0d0d0d0d arriving   ──······ 20.0 MiB",
        "↓ 0e0e0e0e arriving   ──······ 20.0 MiB",
        "↓ 0f0f0f0f arriving   ──······ 20.0 MiB",
        "· 24 of 40 layers waiting       480 MiB",
        "⠋ total ━━━········   270 MiB / 800 MiB",
        "  arriving, 3.50 MiB/s, 0:17 left",
    ]


def test_when_all_is_here_what_is_converted_counts() -> None:
    facts = seen(State.DONE, State.CONVERTING)
    facts = facts._replace(rows=[facts.rows[0], facts.rows[1]._replace(arrived=20 * MIB)])
    total = drawn(facts, 100, 30)[-1]
    assert " converting " in total
    assert "30.0 MiB / 40.0 MiB" in total


def test_what_stands_still_is_said() -> None:
    total = drawn(seen(State.ARRIVING, still_seconds=75.2), 100, 30)[-1]
    assert "still 1:15" in total
    assert "left" not in total


def test_the_image_is_looked_for() -> None:
    lines = drawn(Seen("debian:12", stage_seconds=3.2), 40, 12)
    assert lines == ["debian:12", "⠋ looking for the image  0:03"]


def test_the_filesystem_is_written() -> None:
    lines = drawn(seen(State.DONE, State.DONE, stage="write"), 80, 16)
    assert lines[-1].split() == ["⠋", "total", "writing", "metadata", "1:05", "40.0", "MiB"]


def test_a_terminal_without_signs() -> None:
    facts = seen(*FORTY, reference="oci:/data/grüße:x")
    lines = [plain(line) for line in frame(facts, Terminal(80, 16, ASCII, cell_len))]
    assert all(line.isascii() for line in lines)
    assert lines[0].startswith("oci:/data/gr\\xfc\\xdfe:x")
    assert "#" in lines[2]


def test_names_act_on_no_terminal() -> None:
    first = drawn(seen(State.DONE, reference="oci:/\x1b[2Jx", platform="linux/\x07"), 100, 16)[0]
    assert first.isprintable()


@pytest.mark.parametrize("stage", STAGES)
@given(
    states=st.lists(st.sampled_from(list(State)), max_size=45),
    name=st.text(min_size=1, max_size=90),
    size=st.tuples(st.integers(40, 120), st.integers(7, 40)),
    movement=st.tuples(
        st.one_of(st.none(), st.floats(0, 1e7)), st.one_of(st.none(), st.floats(0, 1e13))
    ),
)
def test_nothing_wraps(
    stage: str,
    states: list[State],
    name: str,
    size: tuple[int, int],
    movement: tuple[float | None, float | None],
) -> None:
    (columns, rows), (left, pace) = size, movement
    facts = seen(*states, reference=name, seconds_left=left, pace=pace, stage=stage)
    if stage == "find":
        facts = facts._replace(digest="", rows=[])
    lines = drawn(facts, columns, rows)
    assert max(map(cell_len, lines)) < columns
    assert len(lines) < rows
    assert all(line == line.rstrip() for line in lines)
    total = [line for line in lines[-2:] if "total" in line or "looking" in line]
    assert len(total) == 1
    if stage != "find":
        assert any("0123456789ab" in line for line in lines[:2])


@given(columns=st.integers(1, 40), rows=st.integers(1, 6))
def test_a_tiny_terminal_gets_what_fits(columns: int, rows: int) -> None:
    lines = drawn(seen(*FORTY), columns, rows)
    assert 0 < len(lines) <= max(rows - 1, 1)
    assert max(map(cell_len, lines)) <= max(columns - 1, 1)
