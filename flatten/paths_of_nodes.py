"""Which names of a tree are hard links to which; all outputs need this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyext4.tree import Directory, Node, Tree

__all__ = ["first_names", "link_counts"]


def link_counts(tree: Tree) -> dict[Node, int]:
    """Count the names of nodes that have several."""
    counts: dict[Node, int] = {}
    seen: set[Node] = set()
    for node in tree.nodes():
        if isinstance(node, Directory):
            continue
        if node in seen:
            counts[node] = counts.get(node, 1) + 1
        else:
            seen.add(node)
    return counts


def first_names(
    entries: Iterable[tuple[bytes, Node]], counts: dict[Node, int]
) -> Iterator[tuple[bytes, Node, bytes | None]]:
    """Yield (path, node, the path where the node came first, or None if it is this one)."""
    first: dict[Node, bytes] = {}
    for path, node in entries:
        if node not in counts:
            yield path, node, None
        elif node in first:
            yield path, node, first[node]
        else:
            first[node] = path
            yield path, node, None
