"""Where a path leads inside a tree, as the kernel would find it in a chroot.

The parents of a name are followed through symbolic links, absolute ones from the tree's root, and
`..` stops there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from pyext4.errors import WayError
from pyext4.tree.nodes import Directory, Node, Symlink

__all__ = ["NAME_MAX", "Make", "Place", "walk_to"]

Make: TypeAlias = Callable[[Directory, bytes], Directory]
"""Provides the directory of a name that is missing in its parent, or taken by something else."""

NAME_MAX = 255  # include/uapi/linux/limits.h
LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h
STEPS_MAX = 4096  # as many components as PATH_MAX has bytes, those of links' targets included


class Place(NamedTuple):
    """Where a walk ended: a directory, or None where there is none and none was to be made."""

    directory: Directory | None
    other: Node | None  # what stands at the end of the path instead, if anything does
    through_link: bool
    trail: list[Directory]  # the directories on the way, from the root

    @property
    def depth(self) -> int:
        """How deep that stands which is in it; 1 in the root."""
        return len(self.trail)


def walk_to(root: Directory, path: bytes, make: Make | None = None) -> Place:
    """Walk from `root` to the directory `path`.

    `make(parent, name)` provides the directories that are missing, or in whose place something
    else stands; without it the walk ends there.

    Raises:
        WayError: after 40 symbolic links or 4096 components, which forty links can make 80,000;
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
            return Place(None, None if todo else node, links > 0, trail)
        else:
            trail.append(_made(make, trail[-1], name))
    return Place(trail[-1], None, links > 0, trail)


def _check_way(links: int, steps: int) -> None:
    if links > LINKS_MAX:
        raise WayError(f"path goes through more than {LINKS_MAX} symbolic links")
    if steps > STEPS_MAX:
        raise WayError(f"path goes through symbolic links with more than {STEPS_MAX} components")


@lru_cache(maxsize=1024)
def _parts(target: bytes) -> tuple[bytes, ...]:
    """Take a symbolic link's target apart, the last component first."""
    return tuple(part for part in target.split(b"/")[::-1] if part not in (b"", b"."))


def _made(make: Make, parent: Directory, name: bytes) -> Directory:
    if len(name) > NAME_MAX:  # from a link's target: a path's own names were looked at before
        raise WayError(f"path leads through a component of more than {NAME_MAX} bytes")
    return make(parent, name)
