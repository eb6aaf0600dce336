"""Show text from strangers safely: names in images, servers' answers, paths.

A terminal acts on escape sequences, and some characters reverse the line's direction or end it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["in_short", "shown"]

_PATH_CHARACTERS: Final = 1000
_CUT: Final = " [...] "


def shown(text: str) -> str:
    """Escape what can't be printed: control characters, changes of direction, lone surrogates.

    Escaping a second time changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_short(text: str, most: int = _PATH_CHARACTERS) -> str:
    """Shorten a long text in the middle: the beginning and the end tell most."""
    if len(text) <= most:
        return text
    half = (most - len(_CUT)) // 2
    return f"{text[:half]}{_CUT}{text[-half:]}"
