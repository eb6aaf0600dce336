"""Where a path leads inside the tree, as the kernel would find it in a chroot.

The last component of an entry's path is never followed. Its parents are: symbolic links count,
absolute ones start at the tree's root, and `..` stops there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from flatten.errors import EntryError
from pyext4.tree import Directory, Symlink

__all__ = ["Make", "Place", "cleaned", "directories_below", "walk_to"]

Make: TypeAlias = Callable[[Directory, bytes], Directory]
"""Makes the directory for a name that is missing in its parent, or isn't a directory there."""

NAME_MAX = 255  # include/uapi/linux/limits.h
LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h
STEPS_MAX = 4096  # PATH_MAX, as a number of components, including those of links' targets


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk ended: a directory, or None if it is missing and was not to be made."""

    directory: Directory | None
    through_link: bool
    depth: int  # of what is in it; 1 in the root


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
    """Walk from `root` to the directory `path`.

    `make(parent, name)` makes the directories that are missing, or replaces what isn't a
    directory; without it the walk ends there.

    Raises:
        EntryError: after 40 symbolic links, or 4096 components (40 links can add up to 80,000);
            or a missing directory's name is too long.
    """
    trail = [root]
    todo = path.split(b"/")[::-1]
    links = steps = 0
    while todo:
        name = todo.pop()
        if name in (b"", b"."):
            continue
        if name == b"..":
            if len(trail) > 1:
                trail.pop()
            continue
        node = trail[-1].children.get(name)
        if isinstance(node, Directory):
            trail.append(node)
        elif isinstance(node, Symlink):
            links += 1
            if node.target.startswith(b"/"):
                trail = [root]
            parts = _parts(node.target)
            todo.extend(parts)
            steps += len(parts)
            _check_way(links, steps)
        elif make is None:
            return Place(None, links > 0, len(trail))
        else:
            trail.append(_made(make, trail[-1], name))
    return Place(trail[-1], links > 0, len(trail))


def _check_way(links: int, steps: int) -> None:
    if links > LINKS_MAX:
        msg = f"path goes through more than {LINKS_MAX} symbolic links"
        raise EntryError(msg)
    if steps > STEPS_MAX:
        msg = f"path goes through symbolic links with more than {STEPS_MAX} components"
        raise EntryError(msg)


@lru_cache(maxsize=1024)
def _parts(target: bytes) -> tuple[bytes, ...]:
    """Split a symbolic link's target into components, the last first."""
    return tuple(part for part in target.split(b"/")[::-1] if part not in (b"", b"."))


def _made(make: Make, parent: Directory, name: bytes) -> Directory:
    if len(name) > NAME_MAX:  # from a link's target: entries' own names were checked before
        msg = f"path goes through a component of more than {NAME_MAX} bytes"
        raise EntryError(msg)
    return make(parent, name)


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
