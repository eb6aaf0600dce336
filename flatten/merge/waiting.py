"""What waits for the layer's end: hard links whose target has not come, and late markers.

A hard link that waits has a placeholder in the tree. If that is replaced or removed before the
end, the link goes with it.

A marker beyond a symbolic link waits because the layer may yet put a directory in the link's place,
and the marker then applies to that directory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from flatten.errors import EntryError, LayerError, shown
from flatten.merge.whiteouts import Opaque
from pyext4.tree import Directory, File, Node

__all__ = ["HardLink", "Marker", "Waiting"]

ROUNDS = 40  # a settled link may be a symbolic link on the way to the next, and so on


class HardLink(NamedTuple):
    """A name that should mean what `target` means."""

    directory: Directory
    name: bytes
    path: bytes  # as its header has it, for errors
    target: bytes


class Marker(NamedTuple):
    """A whiteout, or an opaque whiteout, in the directory `parent`."""

    parent: bytes
    hidden: bytes | Opaque


Find = Callable[[bytes], Node | None]
"""Finds what a hard link's target means now; None if nothing is there; raises EntryError."""
Give = Callable[[Directory, bytes, Node], None]
"""Makes a name mean a node."""


class Waiting:
    """Holds links and markers, and settles the hard links."""

    def __init__(self) -> None:
        self.links: dict[File, HardLink] = {}  # by the placeholder
        self.markers: list[Marker] = []

    def settle_links(self, digest: str, find: Find, give: Give) -> None:
        """Replace each placeholder with what its target means, as long as that helps.

        Raises:
            LayerError: a target never comes, or can't be linked to.
        """
        for _ in range(ROUNDS):
            before = len(self.links)
            stuck: set[File] = set()  # in this round: examined once, however many links lead there
            for placeholder in list(self.links):
                self._settle(placeholder, stuck, digest, find, give)
            if len(self.links) in (0, before):
                break
        for link in self.links.values():
            reason = f"hard link to a target that never comes: {shown(link.target)}"
            raise LayerError(digest, reason, path=link.path)

    def _settle(
        self, placeholder: File, stuck: set[File], digest: str, find: Find, give: Give
    ) -> None:
        """Settle a link, after those that it waits for."""
        chain = {placeholder: None}  # an ordered set: each waits for the next
        while chain:
            last = next(reversed(chain))
            link = self.links.get(last)
            if link is None:  # already settled, or replaced by one that was
                chain.popitem()
                continue
            try:
                node = None if last in stuck else find(link.target)
            except EntryError as error:
                raise LayerError(digest, str(error), path=link.path) from error
            if isinstance(node, File) and node in self.links and node not in chain:
                chain[node] = None
            elif node is None or node in self.links:
                stuck.update(chain)
                return
            else:
                del self.links[last]
                chain.popitem()
                give(link.directory, link.name, node)
