"""What the layers had and the tree does not, because Linux can't hold it.

Container engines meet the same things and skip them: the attributes of macOS and of other
filesystems, times that no Linux filesystem can store, the owner that to chown(2) means "no change".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

__all__ = ["Counted", "LeftOut", "Thing", "counted"]

Thing: TypeAlias = tuple[str, str]
"""(what it is, in the singular; which one): ("attribute", "com.apple.*")."""

Counted: TypeAlias = tuple[tuple[Thing, int], ...]
"""Things, with the number of each."""

KINDS_MAX = 32  # counted by name: a layer can invent any number of namespaces
OTHERS = "of other kinds"


def counted(things: Iterable[Thing]) -> Counted:
    """Count equal things."""
    return tuple(Counter(things).items())


class LeftOut:
    """Counts what was left out or brought into range; `flatten` refills it at its end."""

    def __init__(self) -> None:
        self._counts: dict[Thing, int] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self._counts)

    @property
    def counts(self) -> Mapping[Thing, int]:
        """The number of each thing, sorted by name."""
        return dict(sorted(self._counts.items()))

    def become(self, other: LeftOut) -> None:
        """Replace the counts with those of `other`."""
        self._counts = dict(other._counts)

    def add(self, things: Counted) -> None:
        """Count more things."""
        for thing, count in things:
            known = thing in self._counts or len(self._counts) < KINDS_MAX
            counts_as = thing if known else (thing[0], OTHERS)
            self._counts[counts_as] = self._counts.get(counts_as, 0) + count
