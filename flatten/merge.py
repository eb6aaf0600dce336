"""The merge rules: one layer's entries onto the tree that the layers below it made.

https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets

- "Layer Changesets [...] are applied, rather than simply extracted as tar archives."
- A directory over a directory replaces its attributes and keeps its children; any other pair of
  types replaces what was there, with everything in it. "If the entry and the existing path are
  both directories, then the existing path's attributes MUST be replaced by those of the entry";
  in all other cases the existing path is removed and made anew.
- A whiteout hides what *lower* layers brought and nothing of its own layer, whatever the order:
  "Whiteout files MUST only apply to resources in lower/parent layers." So the merge remembers
  what the present layer brought.
- A hard link is one more name of the node that its target means at that moment. The header's
  own owner, mode and times are ignored, for a node has only one set of them. A target may come
  later in the same layer: a placeholder stands for the link until the layer's end.
- Files in AUFS's directory of linked files are none of the tree's, but hard links lead to them.
- Parents that no entry describes keep what lower layers gave them, or are made, 0755 0:0.
- Parents are found through symbolic links, as in a chroot. A marker beyond a symbolic link waits
  until the layer's end: the layer may yet put a directory in the link's place, and then the
  marker speaks of that one.

File bytes go to the content store as they come; where the last name of a file goes, its place in
the store is given back.
"""

from __future__ import annotations

from typing import NoReturn

from flatten.errors import EntryError, EntryLimitError, LayerError, LimitError, shown
from flatten.layer import Added
from flatten.left_out import LeftOut
from flatten.limits import Limits
from flatten.outputs.paths_of_nodes import link_counts
from flatten.paths import cleaned, directories_below, walk_to
from flatten.payloads import Payloads
from flatten.settling import settle
from flatten.tar.entries import Entry, EntryReader
from flatten.tar.fields import normal_path
from flatten.tar.nodes import (
    DIRECTORY,
    GNU_SPARSE,
    LINK,
    REGULAR,
    VOLUME_LABEL,
    special_node,
)
from flatten.tar.rows import CLIMBS, LONG, MARKER, RECORDS, ROW, Batch
from flatten.tar.sparse import SparseFile, gnu_sparse, pax_sparse
from flatten.whiteouts import AUFS_LINKS, Opaque, Reserved, hidden_name
from pyext4.buffer import Buffer
from pyext4.content import ContentStore
from pyext4.tree import Directory, File, Metadata, Node, Symlink, Tree

__all__ = ["IMPLICIT", "Merge"]

IMPLICIT = Metadata(mode=0o755)
"""What a directory has that some path goes through and no entry describes."""

SETTLING_ROUNDS = 40  # a link that comes may be a symbolic one on the way to the next, and so on
CACHED_DIRECTORIES = 1 << 14


class Merge:
    """The tree that grows layer by layer, and what has to be remembered meanwhile."""

    def __init__(self, tree: Tree, store: ContentStore, limits: Limits) -> None:
        self._tree = tree
        self._root = tree.root
        self._store = store
        self._limits = limits
        self._reader = EntryReader(limits)
        self._payloads = Payloads(store)
        self._entries_count = 0
        self._digest = ""
        self._added: Added | None = None
        # How many names a file has, where it has several
        self._links: dict[File, int] = {
            node: count for node, count in link_counts(tree).items() if isinstance(node, File)
        }
        self._directories: dict[bytes, Directory] = {}  # what parent paths resolve to, for now
        # What the present layer brought: nodes, and names that it linked to lower layers' nodes.
        # Below the first layer is nothing to tell its own from, so there it stays empty.
        self._lowest = True
        self._brought: set[Node] = set()
        self._linked: set[tuple[Directory, bytes]] = set()
        self._cleared: set[Directory] = set()  # have nothing of lower layers any more
        # Placeholders of links whose target has not come: (directory, name, path, target)
        self._awaiting: dict[File, tuple[Directory, bytes, bytes, bytes]] = {}
        self._aufs_links = Directory(IMPLICIT)  # stands nowhere, and is empty between layers
        self._markers: list[tuple[bytes, bytes | Opaque]] = []  # those beyond symbolic links

    def begin_layer(self, digest: str, *, lowest: bool, added: Added | None = None) -> None:
        """Turn to the next layer, which errors will call `digest`."""
        self._lowest = lowest
        self._added = added
        self._digest = digest
        self._reader.begin_layer(digest)
        self._payloads.skip()

    def apply(self, batch: Batch, chunk: Buffer) -> None:
        """Apply the entries whose headers end in `chunk`, and collect its pieces of payload.

        Raises:
            LayerError: an entry can't be applied.
        """
        count = len(batch.rows) // ROW.size
        allowed = self._limits.entries - self._entries_count
        self._entries_count += count
        self._payloads.begin(chunk)
        try:
            if batch.continued:
                self._payloads.resume(batch.continued_from, 0, batch.continued)
            self._apply(batch, min(count, allowed))
        except EntryLimitError as error:
            path = self._reader.path()
            raise LimitError(self._digest, error.limit, error.most, path=path) from error
        except EntryError as error:
            raise LayerError(self._digest, str(error), path=self._reader.path()) from error
        if count > allowed:
            raise LimitError(self._digest, "entries", self._limits.entries)

    def finish_chunk(self) -> None:
        """Place the pieces that the present chunk holds."""
        self._payloads.finish()

    def end_layer(self) -> None:
        """Apply what had to wait until all of the layer was known.

        Raises:
            LayerError: a hard link's target never came.
        """
        for _ in range(SETTLING_ROUNDS):
            before = len(self._awaiting)
            stuck: set[File] = set()  # in this round: looked at once, however many links lead there
            for placeholder in list(self._awaiting):
                self._settle(placeholder, stuck)
            if len(self._awaiting) in (0, before):
                break
        for _, _, path, target in self._awaiting.values():
            reason = f"hard link to a target that never comes: {shown(target)}"
            raise LayerError(self._digest, reason, path=path)
        for path, hidden in self._markers:
            try:
                self._hide(walk_to(self._root, path, None).directory, hidden)
            except EntryError as error:
                raise LayerError(self._digest, str(error), path=path) from error
        while self._aufs_links.children:
            self._drop(self._aufs_links.children.popitem()[1])
        self._markers.clear()
        self._brought.clear()
        self._linked.clear()
        self._cleared.clear()

    def finish(self, *, strict: bool) -> LeftOut:
        """Do what takes the whole tree, which is rarely anything; returns what it doesn't have.

        Raises:
            NodeError: something can't be kept as it is; with `strict`, or if it is left out.
        """
        remarks = self._reader.remarks
        return settle(self._tree, remarks, strict=strict) if remarks else LeftOut()

    def _settle(self, placeholder: File, stuck: set[File]) -> None:
        """Put a link in its placeholder's place, and before it those that it waits for."""
        chain = [placeholder]
        waiting = {placeholder}  # the same
        while chain:
            last = chain[-1]
            if last not in self._awaiting:
                waiting.discard(chain.pop())
                continue
            directory, name, path, target = self._awaiting[last]
            try:
                node = None if last in stuck else self._linkable(target)
            except EntryError as error:
                raise LayerError(self._digest, str(error), path=path) from error
            if isinstance(node, File) and node in self._awaiting and node not in waiting:
                chain.append(node)
                waiting.add(node)
                continue
            if node is None or node in self._awaiting:
                stuck |= waiting
                return
            del self._awaiting[last]
            waiting.discard(chain.pop())
            self._add_link(directory, name, node)

    def _apply(self, batch: Batch, count: int) -> None:
        """Apply entries. The loop knows plain files, which most entries are, and new ones most."""
        directories, brought, payloads = self._directories, self._brought, self._payloads
        allocate, spans, lowest = self._store.allocate, payloads.spans, self._lowest
        # what is added from the host has rules of its own
        file_max = self._limits.file_bytes if self._added is None else -1
        for entry in self._reader.read(batch, count):
            kind, parent, name, meta, size, position, here = entry
            if kind != REGULAR or not name or size > file_max:
                self._apply_other(entry)
                continue
            directory = directories.get(parent)
            if directory is None:
                directory = self._parent(parent)
            children = directory.children
            if name in children:
                self._drop(children.pop(name))
            if size:
                content = payloads.receiving = allocate(size)
                spans.append((content, 0, position, here))
                node = File(meta, size, content)
            else:
                node = File(meta)
            children[name] = node
            if not lowest:
                brought.add(node)

    def _apply_other(self, entry: Entry) -> None:  # noqa: C901  (one branch for each type)
        """Apply an entry of any type, under any name."""
        kind, parent, name, meta, size, position, here = entry
        typeflag = kind & 0xFF
        self._payloads.skip()
        if typeflag == VOLUME_LABEL:
            return
        sparse = self._sparse(kind, size)
        if sparse is not None and sparse.name:
            if b"\0" in sparse.name:
                _refuse("GNU.sparse.name has a NUL")
            _, parent, name, flags = normal_path(b"", sparse.name)
            kind = typeflag | flags
        if kind & (CLIMBS | LONG | MARKER):
            plain = self._plain(typeflag, parent, name)
            if plain is None:
                return
            parent, name = plain
        place = self._place(typeflag, parent, name, meta)
        if place is None:
            return
        directory, name = place
        if typeflag == LINK:
            self._link(directory, name)
        elif typeflag == DIRECTORY:
            self._directory(directory, name, meta)
        elif typeflag in (REGULAR, GNU_SPARSE):
            file = self._file(directory, name, meta, size if sparse is None else sparse.size)
            if sparse is not None:
                self._payloads.start_sparse(file, sparse, position, here)
            elif size:
                self._payloads.start(file, position, here)
        else:
            target = self._reader.link()
            self._set(directory, name, special_node(typeflag, meta, self._reader.row(), target))

    def _file(self, directory: Directory, name: bytes, meta: Metadata, size: int) -> File:
        if size > self._limits.file_bytes:
            most = self._limits.file_bytes
            raise LimitError(self._digest, "file_bytes", most, path=self._reader.path())
        node = File(meta, size)
        self._set(directory, name, node)
        return node

    def _place(
        self, typeflag: int, parent: bytes, name: bytes, meta: Metadata
    ) -> tuple[Directory, bytes] | None:
        """Find where an entry belongs; None where a directory has got its attributes already."""
        if self._added is not None:
            return self._added_place(self._added, typeflag, parent, name, meta)
        if name:
            return self._directories.get(parent) or self._parent(parent), name
        if typeflag != DIRECTORY:
            _refuse("the root must be a directory")
        self._describe(self._root, meta)
        return None

    def _added_place(
        self, added: Added, typeflag: int, parent: bytes, name: bytes, meta: Metadata
    ) -> tuple[Directory, bytes] | None:
        """Find where something from the host belongs: as cp(1), `docker cp` and COPY put it."""
        path = parent + b"/" + name if parent else name
        if typeflag == DIRECTORY:
            self._describe(self._parent(path), meta)
            return None
        if added.file_name is not None and (
            added.into_directory or walk_to(self._root, path, None).directory is not None
        ):
            if added.file_name.startswith(b".wh."):
                _refuse("name is reserved for whiteouts")
            parent, name = path, added.file_name
        directory = self._parent(parent)
        if isinstance(directory.children.get(name), Directory):
            _refuse(f"would replace a directory of the image: {shown(name)}")
        return directory, name

    def _describe(self, directory: Directory, meta: Metadata) -> None:
        directory.meta = meta
        if not self._lowest:
            self._brought.add(directory)

    def _directory(self, directory: Directory, name: bytes, meta: Metadata) -> None:
        old = directory.children.get(name)
        if isinstance(old, Directory):
            self._describe(old, meta)
        else:
            self._set(directory, name, Directory(meta))

    def _set(self, directory: Directory, name: bytes, node: Node) -> None:
        """Let `name` mean `node`, whatever it meant before."""
        children = directory.children
        if name in children:
            self._drop(children.pop(name))
        children[name] = node
        if not self._lowest:
            self._brought.add(node)

    def _sparse(self, kind: int, size: int) -> SparseFile | None:
        """Read the sparse map, if the present entry has one."""
        if kind & 0xFF == GNU_SPARSE:
            return gnu_sparse(self._reader.link(), size)
        if kind & 0xFF == REGULAR and kind & RECORDS and self._reader.attributes.sparse:
            return pax_sparse(self._reader.attributes.sparse, size, self._limits.header_bytes)
        return None

    def _plain(self, typeflag: int, parent: bytes, name: bytes) -> tuple[bytes, bytes] | None:
        """Return an unusual path in plain spelling; None where it was a marker, now applied."""
        path = cleaned(parent + b"/" + name if parent else name)
        if path is None:
            _refuse("path leaves the root by ..")
        _, parent, name, flags = normal_path(b"", path)
        if flags & LONG:
            _refuse("path has a component of more than 255 bytes")
        if not flags & MARKER or (parent == AUFS_LINKS and typeflag in (REGULAR, GNU_SPARSE)):
            return parent, name
        if self._added is not None and self._added.file_name is not None:
            _refuse("name is reserved for whiteouts")
        hidden = hidden_name(parent, name)
        if hidden is Reserved.REFUSED:
            _refuse("name is reserved for whiteouts")
        if hidden is not Reserved.SKIPPED:
            place = walk_to(self._root, parent, None)
            if place.through_link:
                self._markers.append((parent, hidden))
            else:
                self._hide(place.directory, hidden)
        return None

    def _parent(self, path: bytes) -> Directory:
        """Find the directory `path`, making what is missing, and remember it."""
        if path == AUFS_LINKS:
            return self._aufs_links
        self._check_depth(path.count(b"/") + 2 if path else 1)  # before anything is made
        place = walk_to(self._root, path, self._implicit)
        self._check_depth(place.depth)  # symbolic links may have led deeper
        directory = place.directory
        assert directory is not None
        if len(self._directories) >= CACHED_DIRECTORIES:
            self._directories.clear()
        self._directories[path] = directory
        return directory

    def _check_depth(self, depth: int) -> None:
        if depth > self._limits.depth:
            most = self._limits.depth
            raise LimitError(self._digest, "depth", most, path=self._reader.path())

    def _implicit(self, directory: Directory, name: bytes) -> Directory:
        """Make a directory that no entry describes, in place of whatever else is there."""
        if self._added is not None and name in directory.children:
            _refuse(f"is no directory in the image: {shown(name)}")
        made = Directory(IMPLICIT)
        self._set(directory, name, made)
        return made

    def _link(self, directory: Directory, name: bytes) -> None:
        """Give the present entry's target one more name, or let a placeholder wait for it."""
        path, target = self._reader.path(), self._reader.link()
        node = self._linkable(target)
        if node is None or node in self._awaiting:
            placeholder = File(IMPLICIT)
            self._set(directory, name, placeholder)
            self._awaiting[placeholder] = (directory, name, path, target)
        else:
            self._add_link(directory, name, node)

    def _add_link(self, directory: Directory, name: bytes, node: Node) -> None:
        children = directory.children
        old = children.get(name)
        if old is node:
            return
        if isinstance(node, File):  # before the old node goes: it may be the last but this
            self._links[node] = self._links.get(node, 1) + 1
        if old is not None:
            self._drop(children.pop(name))
        children[name] = node
        if not self._lowest:
            self._linked.add((directory, name))

    def _linkable(self, target: bytes) -> Node | None:
        """Find what a hard link's target means now, None where nothing is there."""
        where, _, _, flags = normal_path(b"", target)
        clean = cleaned(where) if flags & CLIMBS else where
        if clean is None:
            _refuse(f"hard link's target leaves the root by ..: {shown(target)}")
        parent, _, name = clean.rpartition(b"/")
        if parent == AUFS_LINKS:
            directory: Directory | None = self._aufs_links
        else:
            directory = walk_to(self._root, parent, None).directory
        node = self._root if not name else directory and directory.children.get(name)
        if isinstance(node, Directory):
            _refuse(f"hard link to a directory: {shown(target)}")
        return node

    def _hide(self, directory: Directory | None, hidden: bytes | Opaque) -> None:
        """Take away what lower layers brought under a name of `directory`, or under all names."""
        if directory is None or self._lowest or directory in self._cleared:
            return
        if hidden is Opaque.YES:
            names = list(directory.children)
            self._cleared.add(directory)
        else:
            names = [hidden]
        for name in names:
            node = directory.children.get(name)
            if isinstance(node, Directory):
                # Deepest first: one that gets empty goes with its parent
                for below in reversed(directories_below(node, self._cleared)):
                    for child_name, child in list(below.children.items()):
                        self._hide_name(below, child_name, child)
                    self._cleared.add(below)
            if node is not None:
                self._hide_name(directory, name, node)

    def _hide_name(self, directory: Directory, name: bytes, node: Node) -> None:
        """Take away one name, a directory only if nothing of the present layer is in it."""
        if node in self._brought or (directory, name) in self._linked:
            return
        if isinstance(node, Directory) and node.children:
            # Hidden as the lower layers' directory, and there again as the parent of what this
            # layer has in it, which no entry describes
            node.meta = IMPLICIT
            self._brought.add(node)
            return
        self._drop(directory.children.pop(name))

    def _drop(self, node: Node) -> None:
        """Forget a node that has lost a name, with all that is in it."""
        if isinstance(node, File):
            self._drop_file(node)
        elif isinstance(node, Symlink):
            self._directories.clear()
        elif isinstance(node, Directory):
            self._directories.clear()
            for directory in directories_below(node):
                for child in directory.children.values():
                    if isinstance(child, File):
                        self._drop_file(child)

    def _drop_file(self, file: File) -> None:
        if self._awaiting.pop(file, None) is not None:
            return
        names = self._links.get(file, 1) - 1
        if names > 1:
            self._links[file] = names
        elif names == 1:
            del self._links[file]
        elif file.size:
            self._payloads.release(file, recent=self._lowest or file in self._brought)


def _refuse(reason: str) -> NoReturn:
    raise EntryError(reason)
