"""Give every node of a tree other metadata, worked out once for all that share it."""

from __future__ import annotations

from collections.abc import Callable

from pyext4.errors import ContentError
from pyext4.tree import Metadata, Node, Tree

__all__ = ["change_metadata"]


def change_metadata(tree: Tree, change: Callable[[Metadata], Metadata]) -> int:
    """Put what `change` makes of each node's metadata in its place; return how many nodes differ.

    `change` returns its argument itself where nothing is to change. A node of several names counts
    once. Nothing is changed if `change` fails.

    Raises:
        ContentError: `change` raised ValueError; the error has the node's path.
    """
    nodes = set(tree.nodes())  # those of several names once: changing twice may not be the same
    made: dict[int, tuple[Metadata, Metadata]] = {}  # by id: the old one lives on, so its id does
    for node in nodes:
        meta = node.meta
        if id(meta) in made:
            continue
        try:
            made[id(meta)] = meta, change(meta)
        except ValueError:
            raise _error_of_the_first(tree, change) from None
    changed = 0
    for node in nodes:
        before, after = made[id(node.meta)]
        if after is not before:
            node.meta = after
            changed += 1
    return changed


def _error_of_the_first(tree: Tree, change: Callable[[Metadata], Metadata]) -> ContentError:
    """Name the first node in sorted order: a set has none, and errors shall be the same each time.

    Raises:
        AssertionError: `change` did not fail this time.
    """
    path: bytes
    node: Node
    for path, node in tree.walk():
        try:
            change(node.meta)
        except ValueError as error:
            return ContentError(path, str(error))
    raise AssertionError
