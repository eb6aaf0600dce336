"""How fast something goes, and how long it will take: arithmetic on samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["WINDOW_SECONDS", "Sample", "bytes_per_second", "seconds_left"]

WINDOW_SECONDS: Final = 8.0
_LEAST_SECONDS: Final = 0.9  # a shorter time says little


class Sample(NamedTuple):
    """How many bytes there were at a time."""

    seconds: float
    arrived: int
    converted: int


def bytes_per_second(samples: Sequence[tuple[float, int]]) -> float | None:
    """Return the pace from the first sample to the last; None where that is too short to say."""
    if len(samples) < 2:
        return None
    (begin, before), (end, after) = samples[0], samples[-1]
    if end - begin < _LEAST_SECONDS:
        return None
    return max(0.0, (after - before) / (end - begin))


def seconds_left(*movements: tuple[int, float | None]) -> float | None:
    """Return when the last of several movements, each of (bytes left, pace), will be over.

    They run side by side, so the slowest decides. None: one of them stands still, or is too young.
    """
    longest = 0.0
    for left, pace in movements:
        if not left:
            continue
        if not pace:
            return None
        longest = max(longest, left / pace)
    return longest
