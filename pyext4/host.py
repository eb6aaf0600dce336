"""A tree from a directory of the host: what `tar` would take along, without reading file contents.

Owners, modes, modification times, attributes, devices and hard links are as `lstat` and
`listxattr` tell them; access and change times are the host's own business and are left out, so
that an unchanged directory gives an unchanged image. Other filesystems mounted below are taken
like any directory.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pyext4.tree import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink, Tree

__all__ = ["tree_from_directory"]


def tree_from_directory(path: Path) -> Tree:
    """Return the tree below `path`; its files' contents are read when it is written.

    Raises:
        OSError: something can't be read; NotADirectoryError for `path` itself.
    """
    name = os.fsencode(path)
    status = os.lstat(name)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    root = Directory(_metadata(name, status))
    linked: dict[tuple[int, int], Node] = {}  # by device and inode, what has several names
    waiting = [(name, root)]
    while waiting:
        directory_name, directory = waiting.pop()
        with os.scandir(directory_name) as entries:
            for entry in entries:
                child = _node(entry.path, entry.stat(follow_symlinks=False), linked)
                directory.children[entry.name] = child
                if isinstance(child, Directory):
                    waiting.append((entry.path, child))
    return Tree(root)


def _node(name: bytes, status: os.stat_result, linked: dict[tuple[int, int], Node]) -> Node:
    key = (status.st_dev, status.st_ino)
    if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1 and key in linked:
        return linked[key]
    meta = _metadata(name, status)
    node: Node
    if stat.S_ISDIR(status.st_mode):
        node = Directory(meta)
    elif stat.S_ISREG(status.st_mode):
        node = File(meta, status.st_size, Path(os.fsdecode(name)))
    elif stat.S_ISLNK(status.st_mode):
        node = Symlink(meta, os.readlink(name))  # noqa: PTH115  Path has no bytes
    elif stat.S_ISFIFO(status.st_mode):
        node = Fifo(meta)
    elif stat.S_ISSOCK(status.st_mode):
        node = Socket(meta)
    else:
        kind = stat.S_IFMT(status.st_mode)
        node = Device(meta, kind, os.major(status.st_rdev), os.minor(status.st_rdev))
    if status.st_nlink > 1:
        linked[key] = node
    return node


def _metadata(name: bytes, status: os.stat_result) -> Metadata:
    xattrs = tuple(
        (os.fsencode(key), os.getxattr(name, key, follow_symlinks=False))
        for key in sorted(os.listxattr(name, follow_symlinks=False))
    )
    return Metadata(
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        xattrs=xattrs,
    )
