"""Lines drawn in place: a small screen that knows the control codes judges."""

from __future__ import annotations

import re

import pytest

from pull.command.progress.frame import Line, plain
from pull.command.progress.paint import painter
from pull.command.progress.region import Region


def lines_of(*texts: str) -> list[Line]:
    return [((text, "green"),) for text in texts]


class Screen:
    """Rows of text, a cursor, and the three control codes; nothing else may come."""

    def __init__(self) -> None:
        self.rows = ["$ command", ""]
        self.row, self.column = 1, 0

    def write(self, text: str) -> None:
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if token == "\r":
                self.column = 0
            elif token == "\n":
                self.row += 1
                if self.row == len(self.rows):
                    self.rows.append("")
            elif token.endswith("A"):
                self.row -= int(token[2:-1])
            elif token == "\x1b[K":
                self.rows[self.row] = self.rows[self.row][: self.column]
            elif token == "\x1b[J":
                self.rows[self.row] = self.rows[self.row][: self.column]
                del self.rows[self.row + 1 :]
            else:
                assert token.isprintable()
                old = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = old[: self.column] + token + old[self.column + len(token) :]
                self.column += len(token)


def test_pictures_follow_each_other_in_place() -> None:
    screen, region = Screen(), Region(plain, len)
    for texts in (["a", "total 1"], ["a", "b", "c", "total 22"], ["a", "b", "total 22"], ["x"]):
        screen.write(region.show(lines_of(*texts), 80))
        assert screen.rows == ["$ command", *texts]
        assert screen.column == len(texts[-1])
    screen.write(region.erase(80))
    assert screen.rows == ["$ command", ""]
    assert (screen.row, screen.column) == (1, 0)
    assert region.erase(80) == ""


def test_lines_that_stay_are_not_drawn_again() -> None:
    region = Region(plain, len)
    region.show(lines_of("header", "total 1"), 80)
    assert "header" not in region.show(lines_of("header", "total 2"), 80)
    assert "header" in region.show(lines_of("header", "total 2"), 79)


def test_a_narrower_terminal_has_wrapped_the_lines() -> None:
    region = Region(plain, len)
    region.show(lines_of("h" * 90, "r" * 40, "t" * 41), 100)
    # in 40 columns they fill three rows, one and two
    assert region.show(lines_of("h"), 40).startswith("\r\x1b[5A")


def test_what_others_have_written_is_left_alone() -> None:
    region = Region(plain, len)
    region.show(lines_of("a", "b"), 80)
    region.leave()
    assert "A" not in region.show(lines_of("c"), 80)


@pytest.mark.parametrize(("environment", "colours"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours(environment: dict[str, str], colours: bool) -> None:  # noqa: FBT001 - pytest passes parameters by name
    assert ("\x1b[32m" in painter(environment)(lines_of("a")[0])) == colours
    assert painter({"NO_COLOR": ""})(lines_of("a")[0]) != "a"
