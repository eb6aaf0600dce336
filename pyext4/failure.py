"""The error above the errors of all three packages.

A program catches it without importing any of them: `flatten` and `pull` derive theirs from it too.
"""

from __future__ import annotations

__all__ = ["PackageError"]


class PackageError(Exception):
    """A failure that is not the operating system's own, told in one line."""

    @property
    def temporary(self) -> bool:
        """Tell whether the same may well work a moment later, with nothing changed.

        It is so for what a network or a busy server did, and False for all else.
        """
        return False
