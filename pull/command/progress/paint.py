"""Styles of the picture as a terminal takes them, by rich."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from rich.color import ColorSystem
from rich.style import Style

from pull.command.progress.frame import Line, plain

__all__ = ["painter"]


def painter(environment: Mapping[str, str]) -> Callable[[Line], str]:
    """Return what makes a line ready for the terminal: in colour, where nobody objects.

    Source: https://no-color.org.
    """
    if environment.get("NO_COLOR"):
        return plain
    return lambda line: "".join(_painted(text, style) for text, style in line)


def _painted(text: str, style: str) -> str:
    # the sixteen colours of the terminal itself: they suit its background
    return _parsed(style).render(text, color_system=ColorSystem.STANDARD) if style else text


@cache
def _parsed(style: str) -> Style:
    return Style.parse(style)
