"""What a whiteout removes: everything that lower layers brought, and nothing of its own layer.

"Whiteout files MUST only apply to resources in lower/parent layers", whatever the order of entries.
https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

from flatten.merge.brought import Brought
from flatten.merge.names import IMPLICIT, Names
from flatten.merge.whiteouts import Opaque
from flatten.paths import directories_below
from pyext4.tree import Directory

__all__ = ["Hiding"]


class Hiding:
    """Hides what lower layers brought."""

    def __init__(self, names: Names, brought: Brought) -> None:
        self._names = names
        self._brought = brought

    def hide(self, directory: Directory, hidden: bytes | Opaque) -> None:
        """Hide a name in `directory`, or everything in it."""
        if self._brought.lowest or directory in self._brought.cleared:
            return
        if hidden is not Opaque.YES:
            self._hide(directory, hidden)
            return
        self._brought.cleared.add(directory)
        for name in list(directory.children):
            self._hide(directory, name)

    def _hide(self, directory: Directory, name: bytes) -> None:
        node = directory.children.get(name)
        if node is None:
            return
        if isinstance(node, Directory):
            # Deepest first: a directory that becomes empty goes with its parent
            for below in reversed(directories_below(node, self._brought.cleared)):
                for child in list(below.children):
                    self._hide_name(below, child)
                self._brought.cleared.add(below)
        self._hide_name(directory, name)

    def _hide_name(self, directory: Directory, name: bytes) -> None:
        """Hide a name; a directory's only if it holds nothing from the current layer."""
        if self._brought.has(directory, name):
            return
        node = directory.children[name]
        if isinstance(node, Directory) and node.children:
            # Hidden as the lower layers' directory, and there again, without an entry of its own,
            # as the parent of what this layer has in it
            self._names.describe(node, IMPLICIT)
        else:
            self._names.take_away(directory, name)
