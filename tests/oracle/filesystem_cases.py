"""A row of the filesystem table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pyext4 import Directory, File, Metadata, Options, Tree
from pyext4.image.store import ImageStore
from pyext4.tree import Node
from tests.oracle.tree_facts import Pieces

__all__ = ["Build", "Case", "Made", "directory", "plain", "sparse", "stored", "tree_of"]


@dataclass(frozen=True, slots=True)
class Made:
    """A tree, and the contents of those files that only the image's store has."""

    tree: Tree
    pieces: Mapping[bytes, Pieces] = field(default_factory=dict)


TIMED = Options(timestamp=1_700_000_000)

Build: TypeAlias = Callable[[ImageStore], Made]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: how the tree is made and with which options it is written."""

    build: Build
    options: Options = TIMED
    expected_bytes: int | None = None
    slow: bool = False  # too much for the pure backend
    # features that only this row has; None: it isn't looked at
    features: frozenset[str] | None = None


def plain(content: bytes = b"", **meta: object) -> File:
    """Return a file; `meta` are fields of `Metadata`."""
    return File(Metadata(**{"mode": 0o644, **meta}), len(content), content)  # type: ignore[arg-type]


def directory(children: dict[bytes, Node], **meta: object) -> Directory:
    """Return a directory; `meta` are fields of `Metadata`."""
    return Directory(Metadata(**{"mode": 0o755, **meta}), children)  # type: ignore[arg-type]


def tree_of(children: dict[bytes, Node]) -> Build:
    """Return what makes a tree with these names in its root."""
    return lambda _store: Made(Tree(directory(children)))


def sparse(store: ImageStore, size: int, pieces: Pieces) -> File:
    """Put a file with holes into the store."""
    content = store.allocate(size, [(offset, len(data)) for offset, data in pieces])
    for offset, data in pieces:
        store.place(data, [(content, offset, 0, len(data))])
    return File(Metadata(mode=0o644), size, content)


def stored(store: ImageStore, data: bytes) -> File:
    """Put a file into the store, as `flatten` does."""
    content = store.allocate(len(data))
    store.place(data, [(content, 0, 0, len(data))])
    return File(Metadata(mode=0o644), len(data), content)
