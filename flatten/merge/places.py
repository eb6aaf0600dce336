"""Where an entry belongs: by the rules for layers, or by those for additions from the host.

Layers replace whatever is in the way: "If the entry and the existing path are both directories,
then the existing path's attributes MUST be replaced by those of the entry"; in all other cases the
existing path is removed and created again.
https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets

Additions from the host go where cp(1), `docker cp` and COPY put them: a directory's content into
the directory, a file into a directory that exists, and neither replaces the other.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from flatten.errors import EntryError, shown
from flatten.layer import Added
from flatten.merge.names import Names
from flatten.paths import walk_to
from flatten.tar.entries import Entry
from pyext4.tree import Directory

__all__ = ["AddedPlaces", "LayerPlaces", "Place", "Places"]


class Place(NamedTuple):
    """A name in a directory, taken or not."""

    directory: Directory
    name: bytes


class Places(Protocol):
    """Puts directories into the tree, and finds places for everything else."""

    def describe(self, entry: Entry) -> None:
        """Make sure that the directory is in the tree, with the entry's attributes."""
        ...

    def find(self, entry: Entry) -> Place:
        """Find where anything other than a directory belongs."""
        ...

    def check_marker(self) -> None:
        """Raise EntryError unless names may be whiteouts."""
        ...


class LayerPlaces:
    """The rules for layers."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def describe(self, entry: Entry) -> None:
        """See `Places`."""
        if not entry.name:
            self._names.describe(self._names.root, entry.meta)
            return
        parent = self._names.directory(entry.parent)
        old = parent.children.get(entry.name)
        if isinstance(old, Directory):
            self._names.describe(old, entry.meta)
        else:
            self._names.put(parent, entry.name, Directory(entry.meta))

    def find(self, entry: Entry) -> Place:
        """See `Places`."""
        if not entry.name:
            msg = "the root must be a directory"
            raise EntryError(msg)
        return Place(self._names.directory(entry.parent), entry.name)

    def check_marker(self) -> None:
        """See `Places`."""


class AddedPlaces:
    """The rules for additions from the host."""

    def __init__(self, names: Names, added: Added) -> None:
        self._names = names
        self._added = added

    def describe(self, entry: Entry) -> None:
        """See `Places`."""
        self._names.describe(self._directory(entry.whole), entry.meta)

    def find(self, entry: Entry) -> Place:
        """See `Places`."""
        parent, name = entry.parent, entry.name
        file_name = self._added.file_name
        if file_name is not None and (
            self._added.into_directory
            or walk_to(self._names.root, entry.whole, None).directory is not None
        ):
            if file_name.startswith(b".wh."):
                self.check_marker()
            parent, name = entry.whole, file_name
        directory = self._directory(parent)
        if isinstance(directory.children.get(name), Directory):
            msg = f"would replace a directory of the image: {shown(name)}"
            raise EntryError(msg)
        return Place(directory, name)

    def check_marker(self) -> None:
        """See `Places`: a directory's whiteouts hide the image's files, but no file is one."""
        if self._added.file_name is not None:
            msg = "name is reserved for whiteouts"
            raise EntryError(msg)

    def _directory(self, path: bytes) -> Directory:
        return self._names.directory(path, self._make)

    def _make(self, parent: Directory, name: bytes) -> Directory:
        if name in parent.children:
            msg = f"is not a directory in the image: {shown(name)}"
            raise EntryError(msg)
        return self._names.make_implicit(parent, name)
