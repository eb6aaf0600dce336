"""What the paths of entries mean in the tree.

The last component of an entry's path is never followed; its parents are, as `pyext4.tree.walk`
says.
"""

from __future__ import annotations

from collections.abc import Collection

from flatten.errors import EntryError
from pyext4.errors import WayError
from pyext4.tree import Directory, walk
from pyext4.tree.walk import Make, Place

__all__ = ["Make", "Place", "cleaned", "directories_below", "walk_to"]


def cleaned(path: bytes) -> bytes | None:
    """Remove `..` from a path by its text, as tar extractors do; None if it leaves the root."""
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part != b"..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return b"/".join(parts)


def walk_to(root: Directory, path: bytes, make: Make | None) -> Place:
    """Walk from `root` to the directory `path`; see `pyext4.tree.walk`.

    Raises:
        EntryError: the symbolic links on the way lead nowhere.
    """
    try:
        return walk.walk_to(root, path, make)
    except WayError as error:
        raise EntryError(str(error)) from error


def directories_below(
    top: Directory, without: Collection[Directory] = frozenset()
) -> list[Directory]:
    """List a directory and all directories below it, parents first, `without` some."""
    found = [] if top in without else [top]
    for directory in found:  # grows while it is walked
        found.extend(
            child
            for child in directory.children.values()
            if isinstance(child, Directory) and child not in without
        )
    return found
