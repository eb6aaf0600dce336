"""Trees made of names alone, and the names that are left."""

from __future__ import annotations

from collections.abc import Iterable

from pyext4 import Directory, File, Metadata, Tree

__all__ = ["names_of", "tree_of_names"]


def tree_of_names(paths: Iterable[str | bytes]) -> Tree:
    """Return a tree with these paths; one that ends with a slash is a directory."""
    tree = Tree()
    for path in paths:
        parts = (path.encode() if isinstance(path, str) else path).split(b"/")
        directory = tree.root
        for part in parts[:-1]:
            below = directory.children.setdefault(part, Directory(Metadata(mode=0o755)))
            assert isinstance(below, Directory)
            directory = below
        if parts[-1]:
            directory.children[parts[-1]] = File(Metadata(mode=0o644))
    return tree


def names_of(tree: Tree) -> set[bytes]:
    """Return all paths but the root's, without the slash before them."""
    return {path[1:] for path, _ in tree.walk()} - {b""}
