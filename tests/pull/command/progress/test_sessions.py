"""Terminal sessions of a slow pull of forty layers, at three sizes, and one that is resized."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle_tools import need
from tests.pull.command.progress.sessions import Screen, Session, Tmux
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import digest_of, make_image, make_tar

pytestmark = pytest.mark.oracle

ROOT = Path(__file__).parents[4]
LAYERS = 40
IMAGE = make_image([make_tar({f"file-{number}": os.urandom(130_000)}) for number in range(LAYERS)])
SIZES = {"large": (100, 30), "usual": (80, 16), "small": (40, 12)}
SHORT = digest_of(IMAGE.manifest)[7:19]

# each line that may be seen while the picture is there
LEGAL = re.compile(
    r"before"
    r"|127\.0\.0\.1:.*:v1(  sha256:[0-9a-f]{12}  linux/amd64)?"
    r"|sha256:[0-9a-f]{12} linux/amd64"
    r"|[✓↓→•·] [0-9a-f]{8}([0-9a-f]{4})? (done|arriving|arrived|converting|waiting) .*B"
    r"|[✓↓·] \d+ of 40( layers)? (done|arriving|waiting)(, \d+ here)? +[\d.]+ [KM]?i?B"
    r"|[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (looking for the image|total) .*"
    r"|  (arriving|converting)(, [\d.]+ [KM]?i?B/s|, still \d:\d\d)?(, \d+:\d\d left)?"
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Session]]:
    need("tmux")
    folder = tmp_path_factory.mktemp("sessions")
    slow = Quirk("GET .*/blobs/", piece_bytes=1 << 14, pause_seconds=0.045)
    with FakeRegistry(slow) as registry, Tmux(folder) as tmux:
        reference = registry.add("library/with-a-name-of-some-length", "v1", IMAGE)

        def start(name: str, size: tuple[int, int], *options: str) -> None:
            command = [sys.executable, "-m", "pull", reference, f"{folder}/{name}.ext4", *options]
            command += ["--platform", "linux/amd64", "--cache-dir", str(folder / name)]
            tmux.start(name, size, command, PYTHONPATH=str(ROOT))

        for name, size in SIZES.items():
            start(name, size)
        start("resized", (100, 30))
        start("listed", (100, 30), "--list")
        tmux.record(3)
        tmux.resize("resized", (60, 20))
        tmux.record(0.6)
        tmux.resize("resized", (90, 14))
        tmux.record(60)
        yield tmux.sessions


def during(session: Session) -> list[Screen]:
    """Return what was seen while layers were on their way, to before the last of them."""
    return [
        screen
        for screen in session.screens
        if SHORT in screen.text and "status=" not in screen.text and "image: " not in screen.text
    ]


def rows_of_layers(screen: Screen) -> str:
    """Return what is seen but for the wheel, the clock and the header."""
    return "\n".join(line for line in screen.lines if line[:2] in ("✓ ", "↓ ", "→ ", "• ", "· "))


def longest_pause(screens: list[Screen], look: object = lambda screen: screen.text) -> float:
    assert callable(look)
    longest, since = 0.0, screens[0]
    for screen in screens:
        if look(screen) != look(since):
            since = screen
        longest = max(longest, screen.seconds - since.seconds)
    return longest


@pytest.mark.parametrize("name", SIZES)
def test_something_changes_every_second(name: str, recorded: dict[str, Session]) -> None:
    screens = during(recorded[name])
    assert screens[-1].seconds - screens[0].seconds > 3
    assert longest_pause(screens) <= 1.0
    assert longest_pause(screens, rows_of_layers) <= 1.0  # not only the wheel


@pytest.mark.parametrize("name", SIZES)
def test_nothing_wraps(name: str, recorded: dict[str, Session]) -> None:
    session = recorded[name]
    seen = {line for screen in during(session) for line in screen.lines if line}
    assert [line for line in seen if not LEGAL.fullmatch(line)] == []
    assert max(map(len, seen)) < session.columns


@pytest.mark.parametrize("name", SIZES)
def test_header_and_total_are_always_there(name: str, recorded: dict[str, Session]) -> None:
    screens = during(recorded[name])
    assert len(screens) > 10
    for screen in screens:
        assert screen.text.startswith("before\n127.0.0.1:")
        assert screen.text.count("127.0.0.1:") == 1
        assert "linux/amd64" in screen.text
        assert len(re.findall(r"^. total .*", screen.text, re.MULTILINE)) == 1


@pytest.mark.parametrize("name", ["usual", "small"])
def test_what_moves_stays_visible(name: str, recorded: dict[str, Session]) -> None:
    screens = during(recorded[name])
    moving = [len(re.findall(r"^[↓→] [0-9a-f]{8}", each.text, re.MULTILINE)) for each in screens]
    assert sorted(moving)[len(moving) // 2] >= 2  # of three downloads at once
    crowds = {match for each in screens for match in re.findall(r"(\d+) of 40", each.text)}
    assert len(crowds) > 10


@pytest.mark.parametrize("name", [*SIZES, "resized", "listed"])
def test_the_summary_is_the_last_thing(name: str, recorded: dict[str, Session]) -> None:
    last = recorded[name].screens[-1]
    lines = last.text.splitlines()
    assert lines[-1] == "status=0"
    assert any(line.startswith("time: ") for line in lines[-4:])
    assert " total " not in last.text
    assert not re.search(r"^[✓↓→•·] ", last.text, re.MULTILINE)


def test_a_terminal_that_is_resized(recorded: dict[str, Session]) -> None:
    whole = during(recorded["resized"])
    # while the terminal has another size and the next picture is not there, remains may be seen
    good = [
        screen
        for screen in whole
        if all(LEGAL.fullmatch(line) for line in screen.lines if line)
        and len(re.findall(r"^. total ", screen.text, re.MULTILINE)) == 1
    ]
    assert len(good) >= len(whole) * 0.8
    assert good[-1] is whole[-1]
    sizes = {max(map(len, screen.lines)) for screen in good}
    assert min(sizes) < 60
    assert max(sizes) > 80


def test_a_list_has_the_terminal_for_itself(recorded: dict[str, Session]) -> None:
    lines = recorded["listed"].screens[-1].text.splitlines()
    names = [line for line in lines if line.endswith(tuple(f"/file-{n}" for n in range(LAYERS)))]
    assert len(names) > 10
    assert all(re.fullmatch(r"-rw-r--r-- .* /file-\d+", line) for line in names)
