"""The base of the errors of all three packages.

A program catches it without importing any of them: `flatten` and `pull` derive theirs from it too.
"""

from __future__ import annotations

__all__ = ["PackageError"]


class PackageError(Exception):
    """A failure that doesn't come from the operating system, described in one line."""
