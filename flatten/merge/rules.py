"""The merge rules: how a layer's entries apply to the tree that the layers below it made.

https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets

- "Layer Changesets [...] are applied, rather than simply extracted as tar archives."
- A directory over a directory replaces its attributes and keeps its children; any other pair of
  types replaces what was there, with everything in it (`places`, `names`).
- A whiteout hides what *lower* layers brought and nothing of its own layer, whatever the order
  (`whiteouts`, `hiding`). So the merge remembers what the current layer brought (`brought`).
- A hard link is one more name of the node that its target means at that moment. The header's
  own owner, mode and times are ignored, because a node has only one set of them. A target may come
  later in the same layer: a placeholder takes the link's place until the layer ends (`waiting`).
- Files in AUFS's directory of linked files are not part of the tree, but hard links lead to them.
- Parents that no entry describes keep what lower layers gave them, or are made, 0755 0:0.
- Parents are found through symbolic links, as in a chroot. A marker beyond a symbolic link waits
  until the layer ends (`waiting`).

File bytes go to the content store as they come (`payloads`).
"""

from __future__ import annotations

from flatten.errors import EntryError, EntryLimitError, LayerError, LimitError
from flatten.layer import Added
from flatten.left_out import LeftOut
from flatten.limits import Limits
from flatten.merge.brought import Brought
from flatten.merge.hiding import Hiding
from flatten.merge.names import IMPLICIT, Names
from flatten.merge.payloads import Payloads
from flatten.merge.places import AddedPlaces, LayerPlaces, Place, Places
from flatten.merge.waiting import HardLink, Marker, Waiting
from flatten.merge.whiteouts import AUFS_LINKS, Reserved, hidden_name
from flatten.paths import cleaned, walk_to
from flatten.settling import settle
from flatten.tar.entries import Entry, EntryReader
from flatten.tar.nodes import special_node
from flatten.tar.rows import CLIMBS, LONG, MARKER, RECORDS, ROW, Batch
from flatten.tar.sparse import SparseFile, gnu_sparse, pax_sparse
from flatten.tar.typeflags import DIRECTORY, GNU_SPARSE, LINK, REGULAR, VOLUME_LABEL
from pyext4.buffer import Buffer
from pyext4.content import ContentStore
from pyext4.tree import File, Tree

__all__ = ["Merge"]


class Merge:
    """Applies layers to a tree, one after another."""

    def __init__(self, tree: Tree, store: ContentStore, limits: Limits) -> None:
        self._tree = tree
        self._store = store
        self._limits = limits
        self._reader = EntryReader(limits)
        self._payloads = Payloads(store)
        self._brought = Brought()
        self._waiting = Waiting()
        self._names = Names(tree, self._payloads, self._brought, self._waiting, limits.depth)
        self._hiding = Hiding(self._names, self._brought)
        self._places: Places = LayerPlaces(self._names)
        self._plain_max_bytes = limits.file_bytes  # what the fast loop takes
        self.entries_count = 0
        self._digest = ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for `finish`."""
        return not self._reader.remarks

    def begin_layer(self, digest: str, *, lowest: bool, added: Added | None = None) -> None:
        """Move on to the next layer, which errors will call `digest`."""
        self._digest = digest
        self._brought.begin_layer(lowest=lowest)
        self._reader.begin_layer(digest)
        self._payloads.skip()
        if added is None:
            self._places, self._plain_max_bytes = LayerPlaces(self._names), self._limits.file_bytes
        else:  # follows rules that the fast loop doesn't know
            self._places, self._plain_max_bytes = AddedPlaces(self._names, added), -1

    def apply(self, batch: Batch, chunk: Buffer) -> None:
        """Apply the entries whose headers end in `chunk`, and collect its pieces of payload.

        Raises:
            LayerError: an entry can't be applied.
        """
        count = len(batch.rows) // ROW.size
        allowed = self._limits.entries - self.entries_count
        self.entries_count += count
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
        """Place the pieces that the current chunk holds."""
        self._payloads.finish()

    def end_layer(self) -> None:
        """Apply what had to wait for the whole layer.

        Raises:
            LayerError: a hard link's target never came.
        """
        names, waiting = self._names, self._waiting
        waiting.settle_links(self._digest, names.find_target, names.link)
        for marker in waiting.markers:
            try:
                self._hide(marker, at_end=True)
            except EntryError as error:
                raise LayerError(self._digest, str(error), path=marker.parent) from error
        waiting.markers.clear()
        names.forget_aufs_links()

    def finish(self, *, strict: bool) -> LeftOut:
        """Do what needs the whole tree, rarely anything; returns what was left out of it.

        Raises:
            NodeError: an ACL can't be kept as it is; or `strict`, and something is left out.
        """
        remarks = self._reader.remarks
        return settle(self._tree, remarks, strict=strict) if remarks else LeftOut()

    def _apply(self, batch: Batch, count: int) -> None:
        """Apply entries. Most are plain files, most of those new: the loop handles them itself.

        That saves two calls and a named entry for each: benchmarks/micro/test_merge_speed.py.
        """
        names, payloads, allocate = self._names, self._payloads, self._store.allocate
        directories, spans = names.directories, payloads.spans
        brought, lowest = self._brought.nodes, self._brought.lowest
        most = self._plain_max_bytes
        for fields in self._reader.read(batch, count):
            kind, parent, name, meta, size, position, here = fields
            if kind != REGULAR or not name or size > most:
                self._apply_other(self._reader.entry(fields))
                continue
            directory = directories.get(parent)
            if directory is None:
                directory = names.directory(parent)
            children = directory.children
            if name in children:
                names.forget(children.pop(name))
            if size:
                content = payloads.receiving = allocate(size)
                spans.append((content, 0, position, here))
                node = File(meta, size, content)
            else:
                node = File(meta)
            children[name] = node
            if not lowest:
                brought.add(node)

    def _apply_other(self, entry: Entry) -> None:
        """Apply an entry of any type, under any name."""
        self._payloads.skip()
        typeflag = entry.typeflag
        if typeflag == VOLUME_LABEL:
            return
        sparse = self._sparse(entry) if typeflag in (REGULAR, GNU_SPARSE) else None
        if sparse is not None and sparse.name:
            entry = entry.at(sparse.name)
        if entry.kind & (CLIMBS | LONG | MARKER):
            entry = _in_plain_spelling(entry)
        if entry.kind & MARKER and not _is_aufs_file(entry):
            self._mark(entry)
        elif typeflag == DIRECTORY:
            self._places.describe(entry)
        elif typeflag == LINK:
            self._link(self._places.find(entry), entry)
        elif typeflag in (REGULAR, GNU_SPARSE):
            self._file(self._places.find(entry), entry, sparse)
        else:
            place = self._places.find(entry)
            self._names.put(place.directory, place.name, special_node(entry))

    def _sparse(self, entry: Entry) -> SparseFile | None:
        """Read the sparse map, if the file has one."""
        if entry.typeflag == GNU_SPARSE:
            return gnu_sparse(entry.link, entry.size)
        records = self._reader.attributes.sparse
        if entry.kind & RECORDS and records:
            return pax_sparse(records, entry.size, self._limits.header_bytes)
        return None

    def _mark(self, entry: Entry) -> None:
        """Hide what a marker names, now or when the layer ends."""
        self._places.check_marker()
        hidden = hidden_name(entry.parent, entry.name)
        if hidden is Reserved.REFUSED:
            msg = "name is reserved for whiteouts"
            raise EntryError(msg)
        if hidden is not Reserved.SKIPPED:
            self._hide(Marker(entry.parent, hidden), at_end=False)

    def _file(self, place: Place, entry: Entry, sparse: SparseFile | None) -> None:
        node = File(entry.meta, entry.size if sparse is None else sparse.size)
        if node.size > self._limits.file_bytes:
            limit = "file_bytes"
            raise EntryLimitError(limit, self._limits.file_bytes)
        self._names.put(place.directory, place.name, node)
        if sparse is not None:
            self._payloads.start_sparse(node, sparse, entry.position, entry.here)
        elif node.size:
            self._payloads.start(node, entry.position, entry.here)

    def _link(self, place: Place, entry: Entry) -> None:
        """Give the target one more name, or put a placeholder that waits for it."""
        node = self._names.find_target(entry.link)
        if node is not None and node not in self._waiting.links:
            self._names.link(place.directory, place.name, node)
            return
        placeholder = File(IMPLICIT)
        self._names.put(place.directory, place.name, placeholder)
        link = HardLink(place.directory, place.name, entry.path, entry.link)
        self._waiting.links[placeholder] = link

    def _hide(self, marker: Marker, *, at_end: bool) -> None:
        place = walk_to(self._names.root, marker.parent, None)
        if place.through_link and not at_end:
            self._waiting.markers.append(marker)
        elif place.directory is not None:
            self._hiding.hide(place.directory, marker.hidden)


def _in_plain_spelling(entry: Entry) -> Entry:
    path = cleaned(entry.whole)
    if path is None:
        msg = "path leaves the root by .."
        raise EntryError(msg)
    entry = entry.at(path)
    if entry.kind & LONG:
        msg = "path has a component of more than 255 bytes"
        raise EntryError(msg)
    return entry


def _is_aufs_file(entry: Entry) -> bool:
    return entry.parent == AUFS_LINKS and entry.typeflag in (REGULAR, GNU_SPARSE)
