"""The name that was meant by one that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["meant", "nearest"]

_WORD_CHARACTERS = 200
_NEAR = 0.7  # of difflib's ratio: two letters exchanged, one too many or too few


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the name that `word` is a misspelling or the beginning of; None: there is none."""
    names = sorted(set(known))
    word = word[:_WORD_CHARACTERS]
    begun = [name for name in names if name.startswith(word)]
    if len(begun) == 1 and len(word.lstrip("-")) > 1:
        return begun[0]
    import difflib  # noqa: PLC0415  # only for mistakes

    folded = {name.lower().replace("_", "-"): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower().replace("_", "-"), list(folded), 1, _NEAR)
    return folded[near[0]] if near else None


def meant(word: str, known: Iterable[str]) -> str:
    """Return what to add to an error about `word`; nothing if it is near to nothing."""
    name = nearest(word, known)
    return f"; did you mean {name}?" if name else ""
