"""What every name of the tree means; names are added, removed, and counted if a file has several.

File bytes are already in the content store. When a file's last name goes, its place in the store
is given back.
"""

from __future__ import annotations

from flatten.errors import EntryError, EntryLimitError, shown
from flatten.merge.brought import Brought
from flatten.merge.payloads import Payloads
from flatten.merge.waiting import Waiting
from flatten.merge.whiteouts import AUFS_LINKS
from flatten.paths import Make, cleaned, directories_below, walk_to
from flatten.paths_of_nodes import link_counts
from flatten.tar.fields import normal_path
from flatten.tar.rows import CLIMBS
from pyext4.tree import Directory, File, Metadata, Node, Symlink, Tree

__all__ = ["IMPLICIT", "Names"]

IMPLICIT = Metadata(mode=0o755)
"""The metadata of a directory that a path goes through and no entry describes."""

CACHED_DIRECTORIES = 1 << 14


class Names:
    """The tree that grows layer by layer."""

    def __init__(
        self, tree: Tree, payloads: Payloads, brought: Brought, waiting: Waiting, depth_max: int
    ) -> None:
        self.root = tree.root
        self.directories: dict[bytes, Directory] = {}  # where parent paths lead, for now
        # The files in AUFS's directory are not part of the tree, but hard links lead to them
        self._aufs_links = Directory(IMPLICIT)
        self._payloads = payloads
        self._brought = brought
        self._waiting = waiting
        self._depth_max = depth_max
        self._counts: dict[File, int] = {  # of names, for files that have several
            node: count for node, count in link_counts(tree).items() if isinstance(node, File)
        }

    def directory(self, path: bytes, make: Make | None = None) -> Directory:
        """Find the directory `path`, using `make` for what is missing (see `make_implicit`).

        Raises:
            EntryLimitError: it is too deep.
            EntryError: its symbolic links lead nowhere.
        """
        if path == AUFS_LINKS:
            return self._aufs_links
        found = self.directories.get(path)
        if found is not None:
            return found
        self._check_depth(path.count(b"/") + 2 if path else 1)  # before anything is made
        place = walk_to(self.root, path, make or self.make_implicit)
        self._check_depth(place.depth)  # symbolic links may have led deeper
        assert place.directory is not None
        if len(self.directories) >= CACHED_DIRECTORIES:
            self.directories.clear()
        self.directories[path] = place.directory
        return place.directory

    def make_implicit(self, parent: Directory, name: bytes) -> Directory:
        """Make a directory that no entry describes, replacing whatever is there."""
        made = Directory(IMPLICIT)
        self.put(parent, name, made)
        return made

    def find_target(self, path: bytes) -> Node | None:
        """Find what a hard link's target means now; None if nothing is there.

        Raises:
            EntryError: it can't be linked to.
        """
        where, _, _, flags = normal_path(b"", path)
        clean = cleaned(where) if flags & CLIMBS else where
        if clean is None:
            msg = f"hard link's target leaves the root by ..: {shown(path)}"
            raise EntryError(msg)
        parent, _, name = clean.rpartition(b"/")
        if parent == AUFS_LINKS:
            directory: Directory | None = self._aufs_links
        else:
            directory = walk_to(self.root, parent, None).directory
        node = self.root if not name else directory and directory.children.get(name)
        if isinstance(node, Directory):
            msg = f"hard link to a directory: {shown(path)}"
            raise EntryError(msg)
        return node

    def put(self, directory: Directory, name: bytes, node: Node) -> None:
        """Let `name` mean `node`, which the current layer brings, whatever it meant before."""
        children = directory.children
        if name in children:
            self.forget(children.pop(name))
        children[name] = node
        self._brought.add(node)

    def describe(self, directory: Directory, meta: Metadata) -> None:
        """Replace a directory's attributes and keep its contents."""
        directory.meta = meta
        self._brought.add(directory)

    def link(self, directory: Directory, name: bytes, node: Node) -> None:
        """Give `node`, which is in the tree, one more name."""
        if directory.children.get(name) is node:
            return
        if isinstance(node, File):  # before the old node goes: it may be the last name but this
            self._counts[node] = self._counts.get(node, 1) + 1
        self.take_away(directory, name)
        directory.children[name] = node
        self._brought.add_name(directory, name)

    def take_away(self, directory: Directory, name: bytes) -> None:
        """Let `name` mean nothing."""
        if name in directory.children:
            self.forget(directory.children.pop(name))

    def forget_aufs_links(self) -> None:
        """Empty AUFS's directory, whose files belong only to the current layer."""
        while self._aufs_links.children:
            _, node = self._aufs_links.children.popitem()
            self.forget(node)

    def forget(self, node: Node) -> None:
        """Release what a node that lost a name held, and everything in it."""
        if isinstance(node, File):
            self._forget_name(node)
        elif isinstance(node, Symlink):
            self.directories.clear()
        elif isinstance(node, Directory):
            self.directories.clear()
            for directory in directories_below(node):
                for child in directory.children.values():
                    if isinstance(child, File):
                        self._forget_name(child)

    def _forget_name(self, file: File) -> None:
        if self._waiting.links.pop(file, None) is not None:
            return
        names = self._counts.get(file, 1) - 1
        if names > 1:
            self._counts[file] = names
        elif names == 1:
            del self._counts[file]
        elif file.size:
            self._payloads.release(file, recent=self._brought.may_have(file))

    def _check_depth(self, depth: int) -> None:
        if depth > self._depth_max:
            limit = "depth"
            raise EntryLimitError(limit, self._depth_max)
