"""The lines of a terminal that a picture owns: drawn again in place, and given back in the end.

The cursor stays at the end of the last line. Rich's `Live` does the same, but counts the rows of
the old picture by the old width: where a terminal became narrower, it has wrapped the lines, and
their remains pile up. Here they are counted by the new width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pull.command.progress.frame import Line, plain

__all__ = ["Region"]

# ECMA-48: CUU, EL and ED, to the end each
_UP: Final = "\x1b[{}A"
_ERASE_LINE: Final = "\x1b[K"
_ERASE_BELOW: Final = "\x1b[J"


class Region:
    """What is on the terminal, and the text that makes something else of it."""

    def __init__(self, paint: Callable[[Line], str], measure: Callable[[str], int]) -> None:
        self._paint = paint
        self._measure = measure
        self._lines: Sequence[Line] = ()
        self._columns = 0

    def show(self, lines: Sequence[Line], columns: int) -> str:
        """Return what draws these lines in place of the old ones."""
        kept = self._lines if columns == self._columns else ()
        drawn = [
            "" if [line] == list(kept[number : number + 1]) else self._paint(line) + _ERASE_LINE
            for number, line in enumerate(lines)
        ]
        if lines and not drawn[-1]:  # the cursor belongs behind it
            drawn[-1] = self._paint(lines[-1])
        below = _ERASE_BELOW if len(lines) < len(self._lines) or not kept else ""
        text = self._to_the_top(columns) + "\r\n".join(drawn) + below
        self._lines, self._columns = lines, columns
        return text

    def erase(self, columns: int) -> str:
        """Return what takes the picture away; the cursor is then where it began."""
        if not self._lines:
            return ""
        text = f"{self._to_the_top(columns)}{_ERASE_BELOW}"
        self._lines = ()
        return text

    def leave(self) -> None:
        """Let the picture stay where it is: other programs have written below it."""
        self._lines = ()

    def _to_the_top(self, columns: int) -> str:
        if not self._lines:
            return ""
        widths = [self._measure(plain(line)) for line in self._lines]
        up = sum(max(1, -(-width // max(columns, 1))) for width in widths) - 1
        return f"\r{_UP.format(up)}" if up else "\r"
