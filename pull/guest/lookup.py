"""Where a path leads in a merged tree, and what is there: symbolic links as in the guest.

Links are followed as the kernel would with the tree as its root: absolute ones from the root, and
`..` stops there.
"""

from __future__ import annotations

import stat
from typing import NamedTuple

from flatten.errors import shown
from pull.guest.init.errors import TreeError
from pyext4.content import open_content
from pyext4.tree import Directory, File, Node, Symlink, Tree

__all__ = ["Found", "find", "find_file", "is_there", "place_for", "read_file"]

LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h
FILE_MAX_BYTES = 64 << 20  # files that are read whole here are written by people


class Found(NamedTuple):
    """A node, and its path without any symbolic link."""

    path: bytes
    node: Node


def find(tree: Tree, path: bytes) -> Found | None:
    """Follow `path` from the root to its end; None if nothing is there, or links form a loop."""
    try:
        resolved, node = _walk(tree, path)
    except TreeError:
        return None
    return None if node is None else Found(path=resolved, node=node)


def is_there(tree: Tree, path: bytes) -> bool:
    """Tell whether `path` is taken, even by a symbolic link that leads nowhere."""
    parent, _, name = path.rpartition(b"/")
    found = find(tree, parent)
    return found is not None and isinstance(found.node, Directory) and name in found.node.children


def place_for(tree: Tree, path: bytes) -> tuple[bytes, list[bytes]]:
    """Return where `path` is or would be, without symbolic links, and what is missing on the way.

    The missing directories come parents first; the last is `path` itself.

    Raises:
        TreeError: something that is not a directory is in the way, or links form a loop.
    """
    resolved, node = _walk(tree, path)
    missing: list[bytes] = []
    here = resolved if node is None else b""
    while here and find(tree, here) is None:
        missing.append(here)
        here = here.rpartition(b"/")[0]
    return resolved, missing[::-1]


def _walk(tree: Tree, path: bytes) -> tuple[bytes, Node | None]:
    """Resolve as `realpath --canonicalize-missing` does; the node is None if nothing is there."""
    names: list[bytes] = []
    trail: list[Node | None] = [tree.root]
    todo = _parts(path)
    links = 0
    while todo:
        name = todo.pop()
        here = trail[-1]
        if name == b"..":
            if names:
                names.pop()
                trail.pop()
            continue
        if here is not None and not isinstance(here, Directory):
            raise TreeError(shown(b"/" + b"/".join(names)), "is not a directory")
        node = None if here is None else here.children.get(name)
        if not isinstance(node, Symlink):
            names.append(name)
            trail.append(node)
            continue
        links += 1
        if links > LINKS_MAX:
            raise TreeError(shown(path), f"goes through more than {LINKS_MAX} symbolic links")
        if node.target.startswith(b"/"):
            names, trail = [], [tree.root]
        todo.extend(_parts(node.target))
    return b"/" + b"/".join(names), trail[-1]


def find_file(tree: Tree, path: bytes, *, executable: bool = False) -> Found | None:
    """Find a regular file; None if there is none, or nobody may execute an `executable` one."""
    found = find(tree, path)
    if found is None or not isinstance(found.node, File):
        return None
    if executable and not found.node.meta.mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
        return None
    return found


def read_file(tree: Tree, path: bytes) -> bytes | None:
    """Read a small regular file whole; None if there is none.

    Raises:
        TreeError: it is larger than anything that people write.
        OSError: what holds the contents can't be read.
    """
    found = find_file(tree, path)
    if found is None:
        return None
    assert isinstance(found.node, File)
    if found.node.size > FILE_MAX_BYTES:
        raise TreeError(shown(path), f"is too large to be read: {found.node.size} bytes")
    with open_content(found.node) as stream:
        return stream.read()


def _parts(path: bytes) -> list[bytes]:
    """Return the names of a path, the last one first."""
    return [part for part in path.split(b"/")[::-1] if part not in (b"", b".")]
