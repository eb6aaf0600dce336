"""What is compared: an image or a tree, each walked by keys so that neither is held in memory."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, NamedTuple, Protocol, TypeAlias, cast

from pyext4.content import Segment, open_content
from pyext4.errors import ContentError, DamagedError
from pyext4.ondisk.inode import EXT4_ROOT_INO
from pyext4.reader import Ext4Reader, Inode
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.files.streams import BlockStream, data_segments
from pyext4.reader.to_tree import node_of_inode
from pyext4.tree import Directory, File, Node, Tree

__all__ = ["Comparable", "Key", "Side", "Sight", "side_of"]

Comparable: TypeAlias = Ext4Reader | Tree

Key: TypeAlias = int | Node
"""An image's inode number, or a tree's node."""

LOST_AND_FOUND: Final = b"lost+found"


class Sight(NamedTuple):
    """What a key leads to."""

    node: Node  # of a directory without its children
    identity: int  # the same for all names of one file
    shared: bool  # it may have other names


class Side(Protocol):
    """One of the two."""

    def root(self) -> Key:
        """Return the key of the root directory."""
        ...

    def look(self, key: Key) -> Sight:
        """Read what a key leads to, but not a file's content."""
        ...

    def children(self, key: Key, path: bytes) -> dict[bytes, Key]:
        """Return the names in a directory, which may be asked for once."""
        ...

    def open(self, key: Key, file: File) -> tuple[BinaryIO, list[Segment]]:
        """Open a file's content, which the caller closes.

        The stretches are those that may be anything but zeros.
        """
        ...


def side_of(compared: Comparable) -> Side:
    """Return what the comparison takes."""
    return _TreeSide(compared) if isinstance(compared, Tree) else _ImageSide(compared)


class _ImageSide:
    """An image; errors begin with its path, since there are two."""

    def __init__(self, reader: Ext4Reader) -> None:
        self._reader = reader
        self._met: set[int] = set()
        self._last: Inode | None = None

    def root(self) -> Key:
        return EXT4_ROOT_INO

    def look(self, key: Key) -> Sight:
        ino = _number(key)
        with self._named():
            inode = self._inode(ino)
            node = node_of_inode(self._reader.image, inode)
        return Sight(node, ino, inode.links > 1 and not stat.S_ISDIR(inode.mode))

    def children(self, key: Key, path: bytes) -> dict[bytes, Key]:
        ino = _number(key)
        with self._named():
            if ino in self._met:
                raise DamagedError("directory", ino, f"is in two places, one is {path!r}")
            self._met.add(ino)
            entries = self._reader.listdir(self._inode(ino))
        return {entry.name: entry.ino for entry in entries}

    def open(self, key: Key, file: File) -> tuple[BinaryIO, list[Segment]]:
        del file
        image = self._reader.image
        with self._named():
            inode = self._inode(_number(key))
            if inode.inline:
                return self._reader.open(inode), self._reader.segments(inode)
            mapping = map_blocks(image, inode)
            # without the reader's buffer, which would be as much work as most files
            stream = cast("BinaryIO", BlockStream(image, inode.size, mapping))
            return stream, list(data_segments(image, inode, mapping))

    def _inode(self, ino: int) -> Inode:
        """Read an inode, but not again what was looked at last."""
        if self._last is None or self._last.ino != ino:
            self._last = self._reader.inode(ino)
        return self._last

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except DamagedError as error:
            structure = f"{self._reader.image.path}: {error.structure}"
            raise DamagedError(structure, error.number, error.reason) from error


class _TreeSide:
    """A tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._met: set[Node] = set()

    def root(self) -> Key:
        return self._tree.root

    def look(self, key: Key) -> Sight:
        node = _node(key)
        return Sight(node, id(node), not isinstance(node, Directory))

    def children(self, key: Key, path: bytes) -> dict[bytes, Key]:
        node = _node(key)
        if node in self._met:
            raise ContentError(path, "a directory can have only one name")
        self._met.add(node)
        return dict(node.children) if isinstance(node, Directory) else {}

    def open(self, key: Key, file: File) -> tuple[BinaryIO, list[Segment]]:
        del key
        return open_content(file), [(0, file.size)] if file.size else []


def _number(key: Key) -> int:
    assert isinstance(key, int)
    return key


def _node(key: Key) -> Node:
    assert not isinstance(key, int)
    return key
