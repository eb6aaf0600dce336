"""The picture of the program at work: a real session, as an SVG that any viewer draws alike."""

from __future__ import annotations

import html
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.screenshot import session, svg_of
from tests.oracle_tools import need

COMMITTED = Path(__file__).parent.parent / "docs/progress.svg"
SVG = "{http://www.w3.org/2000/svg}"


def texts_of(svg: str) -> dict[float, str]:
    """Return the text of each line, by its height."""
    lines: dict[float, str] = {}
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        height = float(element.get("y", "0"))
        column = round(float(element.get("x", "0")) / 12.2)  # rich's width of a letter
        lines[height] = lines.get(height, "").ljust(column) + (element.text or "").strip("\n")
    return {height: html.unescape(line).replace("\xa0", " ") for height, line in lines.items()}


def test_the_picture_in_the_repository() -> None:
    lines = [line.rstrip() for line in texts_of(COMMITTED.read_text()).values()]
    shown = "\n".join(lines)
    assert "registry.example.com/shop/web:2.4  sha256:" in shown
    assert {"done", "converting", "arriving", "waiting"} <= set(shown.split())
    total = next(line for line in lines if " total " in line)
    assert re.search(r"\d MiB / [\d.]+ MiB +[\d.]+ MiB/s +\d:\d\d left$", total)
    assert "url(https" not in COMMITTED.read_text().replace('"', "")  # no fonts from elsewhere


def test_blanks_are_places() -> None:
    lines = texts_of(svg_of("\x1b[32mab\x1b[0m        cd   ef\n\nlast"))
    assert [line.rstrip() for line in lines.values() if line.strip()][-2:] == [
        "ab        cd   ef",
        "last",
    ]


@pytest.mark.oracle
def test_a_session_is_caught() -> None:
    need("tmux")
    shown = session([300_000, 200_000], after=0.2, pause_seconds=0.3)
    assert "\x1b[1m" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain.startswith("$ python -m pull registry.example.com/shop/web:2.4 web.ext4\n")
    assert re.search(r"^. total ", plain, re.MULTILINE)
