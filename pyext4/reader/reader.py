"""The reader's public interface: paths in, values out."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeAlias

from pyext4.errors import DamagedError, PathError
from pyext4.ondisk.inode import EXT4_ROOT_INO
from pyext4.reader import paths
from pyext4.reader.check.journal_inode import read_journal
from pyext4.reader.check.verify import verify
from pyext4.reader.disk.block_map import Run, map_blocks
from pyext4.reader.disk.inodes import Inode, read_inode
from pyext4.reader.disk.measures import Layout
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files import file_contents
from pyext4.reader.files.directory_entries import Entry, read_directory
from pyext4.reader.files.inode_xattrs import read_xattrs
from pyext4.reader.to_tree import to_tree
from pyext4.tree import Tree

__all__ = ["Ext4Reader", "Where", "open_ext4"]

Where: TypeAlias = bytes | str | Inode
"""A path inside the image, from its root, or an inode that was already read."""


def open_ext4(path: Path | str) -> Ext4Reader:
    """Open an image for reading; the caller closes it, best with `with`.

    Raises:
        OSError: the file can't be opened.
        DamagedError: superblock, group descriptors or journal superblock are damaged.
        UnsupportedError: the journal must be replayed, or a feature isn't known.
    """
    return Ext4Reader(Path(path))


class Ext4Reader:
    """An ext4 filesystem in a file, read only.

    Every structure is verified when it is read, and every method may raise DamagedError, which
    names the structure and its number. Methods that take a path raise PathError if it doesn't
    exist. Symbolic links on the way are followed inside the image.
    """

    def __init__(self, path: Path) -> None:
        self.image = Image(path)
        try:
            for number in range(self.layout.groups_count):
                self.image.group(number)
            self.journal: dict[str, Any] | None = read_journal(self.image)
        except BaseException:
            self.image.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the image; streams opened from it can't be read any more."""
        self.image.close()

    @property
    def layout(self) -> Layout:
        """Return the filesystem's measures; `layout.fields` is the superblock, field by field."""
        return self.image.layout

    def inode(self, ino: int) -> Inode:
        """Return an inode by its number."""
        return read_inode(self.image, ino)

    def lookup(self, path: bytes | str, *, follow: bool = False) -> Inode:
        """Return the inode that a path names; `follow` also follows a final symlink."""
        return paths.find(
            self.image, path.encode() if isinstance(path, str) else path, follow=follow
        )

    def stat(self, where: Where) -> Inode:
        """Return an inode, without following a final symlink, as os.lstat does."""
        return where if isinstance(where, Inode) else self.lookup(where)

    def listdir(self, where: Where) -> list[Entry]:
        """Return a directory's entries in the order of the disk, without `.` and `..`."""
        node = self._followed(where)
        if not stat.S_ISDIR(node.mode):
            raise PathError(_shown(where), "not a directory")
        return read_directory(self.image, node)[2:]

    def open(self, where: Where) -> BinaryIO:
        """Open a regular file, seekable; the caller closes it, before the image is closed."""
        node = self._followed(where)
        if not stat.S_ISREG(node.mode):
            raise PathError(_shown(where), "not a regular file")
        return file_contents.open_node(self.image, node)

    def read(self, where: Where) -> bytes:
        """Return all bytes of a regular file."""
        with self.open(where) as stream:
            return stream.read()

    def segments(self, where: Where) -> list[tuple[int, int]]:
        """Return (offset, length) in bytes of a regular file's data between its holes."""
        return file_contents.segments(self.image, self._followed(where))

    def runs(self, where: Where) -> list[Run]:
        """Return where an inode's content is, in ascending order; nothing for inline content."""
        return map_blocks(self.image, self.stat(where)).runs

    def readlink(self, where: Where) -> bytes:
        """Return a symlink's target."""
        node = self.stat(where)
        if not stat.S_ISLNK(node.mode):
            raise PathError(_shown(where), "not a symbolic link")
        return file_contents.read_target(self.image, node)

    def xattrs(self, where: Where) -> tuple[tuple[bytes, bytes], ...]:
        """Return (full name, value) pairs, sorted; ACLs in the form that Linux shows."""
        return read_xattrs(self.image, self.stat(where))

    def walk(self) -> Iterator[tuple[bytes, Inode]]:
        """Yield every (path, inode), depth first, sorted; the root is `b"/"`."""
        stack = [(b"/", EXT4_ROOT_INO)]
        directories = set()
        while stack:
            path, ino = stack.pop()
            node = self.inode(ino)
            yield path, node
            if not stat.S_ISDIR(node.mode):
                continue
            if ino in directories:
                raise DamagedError("directory", ino, f"is in two places, one is {path!r}")
            directories.add(ino)
            prefix = path if path == b"/" else path + b"/"
            entries = sorted(self.listdir(node), reverse=True)
            stack.extend((prefix + entry.name, entry.ino) for entry in entries)

    def to_tree(self) -> Tree:
        """Return the image as a tree; file contents are read from the image when opened."""
        return to_tree(self.image)

    def verify(self) -> list[DamagedError]:
        """Check everything against everything and return the problems.

        This checks more than reading does: bitmaps against the blocks and inodes in use, blocks
        used twice, counts of links and free blocks, hashes of indexed directories, backups.

        Raises:
            UnsupportedError: a feature changes the meaning of bitmaps.
        """
        return verify(self.image)

    def _followed(self, where: Where) -> Inode:
        return where if isinstance(where, Inode) else self.lookup(where, follow=True)


def _shown(where: Where) -> bytes:
    if isinstance(where, Inode):
        return b"inode %d" % where.ino
    return where.encode() if isinstance(where, str) else where
