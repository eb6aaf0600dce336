"""Where a path leads inside the tree, as the kernel would find it in a chroot.

The last component of an entry's path is never followed; its parents are, through symbolic links,
absolute ones from the tree's root, and `..` stops there.
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
"""Provides the directory of a name that is missing in its parent, or taken by something else."""

NAME_MAX = 255  # include/uapi/linux/limits.h
LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h
STEPS_MAX = 4096  # as many components as PATH_MAX has bytes, those of links' targets included


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk ended: a directory, or None where there is none and none was to be made."""

    directory: Directory | None
    through_link: bool
    depth: int  # of what stands in it; 1 in the root


def cleaned(path: bytes) -> bytes | None:
    """Take `..` out of a path by its text, as tar extractors do; None where it leaves the root."""
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

    `make(parent, name)` provides the directories that are missing, or in whose place something
    else stands; without it the walk ends there.

    Raises:
        EntryError: after 40 symbolic links or 4096 components, which forty links can make 80,000;
            or where a missing directory's name is too long.
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
    """Take a symbolic link's target apart, the last component first."""
    return tuple(part for part in target.split(b"/")[::-1] if part not in (b"", b"."))


def _made(make: Make, parent: Directory, name: bytes) -> Directory:
    if len(name) > NAME_MAX:  # from a link's target: entries' own names were looked at before
        msg = f"path leads through a component of more than {NAME_MAX} bytes"
        raise EntryError(msg)
    return make(parent, name)


def directories_below(
    top: Directory, without: Collection[Directory] = frozenset()
) -> list[Directory]:
    """List a directory and all directories in it, each before those in it; `without` some."""
    found = [] if top in without else [top]
    for directory in found:  # grows while it is walked
        found.extend(
            child
            for child in directory.children.values()
            if isinstance(child, Directory) and child not in without
        )
    return found
