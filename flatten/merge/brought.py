"""What the current layer brought: its whiteouts hide everything else.

"Whiteout files MUST only apply to resources in lower/parent layers."
https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

from pyext4.tree import Directory, Node

__all__ = ["Brought"]


class Brought:
    """The current layer's nodes, and its names for nodes that lower layers brought.

    The first layer has nothing below it, so all of this stays empty for it.
    """

    def __init__(self) -> None:
        self.lowest = True
        self.nodes: set[Node] = set()
        self.cleared: set[Directory] = set()  # have nothing left from lower layers
        self._names: set[tuple[Directory, bytes]] = set()

    def begin_layer(self, *, lowest: bool) -> None:
        """Forget the previous layer; `lowest` says that there was none."""
        self.lowest = lowest
        self.nodes.clear()
        self.cleared.clear()
        self._names.clear()

    def add(self, node: Node) -> None:
        """Record `node` as the current layer's."""
        if not self.lowest:
            self.nodes.add(node)

    def add_name(self, directory: Directory, name: bytes) -> None:
        """Record a name as the current layer's, whichever layer brought the node."""
        if not self.lowest:
            self._names.add((directory, name))

    def has(self, directory: Directory, name: bytes) -> bool:
        """Tell whether the current layer brought what `name` means."""
        return directory.children[name] in self.nodes or (directory, name) in self._names

    def may_have(self, node: Node) -> bool:
        """Tell whether the current layer may have brought `node`."""
        return self.lowest or node in self.nodes
