"""What of the layers a tree does not have because Linux could not hold it.

Container engines run into the same things and pass them over: the attributes of macOS and of other
filesystems, times that no filesystem of Linux has, the owner that chown(2) takes for "leave it".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

__all__ = ["Counted", "LeftOut", "Thing", "counted"]

Thing: TypeAlias = tuple[str, str]
"""(what it is, in the singular; which one): ("attribute", "com.apple.*")."""

Counted: TypeAlias = tuple[tuple[Thing, int], ...]
"""Things and how many there are of each."""

KINDS_MAX = 32  # that are counted by name: a layer can invent any number of namespaces
OTHERS = "of other kinds"


def counted(things: Iterable[Thing]) -> Counted:
    """Count equal things."""
    return tuple(Counter(things).items())


class LeftOut:
    """Counts what was left out, or brought into a range; `flatten` fills it anew at its end."""

    def __init__(self) -> None:
        self._counts: dict[Thing, int] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self._counts)

    @property
    def counts(self) -> Mapping[Thing, int]:
        """How many there are of each thing, in the order of their names."""
        return dict(sorted(self._counts.items()))

    def become(self, other: LeftOut) -> None:
        """Forget what was counted and take over what `other` has."""
        self._counts = dict(other._counts)

    def add(self, things: Counted) -> None:
        """Count more things."""
        for thing, count in things:
            known = thing in self._counts or len(self._counts) < KINDS_MAX
            counts_as = thing if known else (thing[0], OTHERS)
            self._counts[counts_as] = self._counts.get(counts_as, 0) + count
