"""Follow a path to an inode, through symbolic links, as in a chroot to the image's root."""

from __future__ import annotations

import stat
from typing import Final

from pyext4.errors import PathError
from pyext4.ondisk.inode import EXT4_ROOT_INO
from pyext4.reader.disk.inodes import Inode, read_inode
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.directory_entries import read_directory
from pyext4.reader.files.file_contents import read_target

__all__ = ["find"]

_MOST_LINKS: Final = 40  # as in Linux


def find(image: Image, path: bytes, *, follow: bool) -> Inode:
    """Return the inode that `path` names; `follow` also follows a final symlink.

    Raises:
        PathError: there is no such path.
        DamagedError: an inode or a directory on the way is damaged.
    """
    trail = [EXT4_ROOT_INO]  # the directories from the root to where we are
    node = read_inode(image, EXT4_ROOT_INO)
    rest = _parts(path)
    links = 0
    while rest:
        name = rest.pop()
        if not stat.S_ISDIR(node.mode):
            raise PathError(path, "not a directory on the way")
        if name == b"..":
            if len(trail) > 1:  # the root is its own parent
                trail.pop()
            node = read_inode(image, trail[-1])
            continue
        child = read_inode(image, _lookup(image, node, name, path))
        if stat.S_ISLNK(child.mode) and (rest or follow):
            links += 1
            if links > _MOST_LINKS:
                raise PathError(path, "too many levels of symbolic links")
            target = read_target(image, child)
            rest += _parts(target)
            if target.startswith(b"/"):
                del trail[1:]
            node = read_inode(image, trail[-1])
            continue
        node = child
        if stat.S_ISDIR(node.mode):
            trail.append(node.ino)
    return node


def _lookup(image: Image, directory: Inode, name: bytes, path: bytes) -> int:
    for entry in read_directory(image, directory):
        if entry.name == name:
            return entry.ino
    raise PathError(path, "no such file or directory")


def _parts(path: bytes) -> list[bytes]:
    """Return the names of a path, the first one last."""
    return [name for name in path.split(b"/") if name not in (b"", b".")][::-1]
