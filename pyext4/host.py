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
from dataclasses import replace
from pathlib import Path

from pyext4.content import HostFile
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
    known: dict[tuple[int, int, int, int], Metadata] = {}  # most files share theirs with others
    root = Directory(_metadata(name, status, known))
    linked: dict[tuple[int, int], Node] = {}  # by device and inode, what has several names
    waiting = [(name, root)]
    while waiting:
        directory_name, directory = waiting.pop()
        with os.scandir(directory_name) as entries:
            for entry in entries:
                child = _node(entry.path, entry.stat(follow_symlinks=False), linked, known)
                directory.children[entry.name] = child
                if isinstance(child, Directory):
                    waiting.append((entry.path, child))
    return Tree(root)


def _node(
    name: bytes,
    status: os.stat_result,
    linked: dict[tuple[int, int], Node],
    known: dict[tuple[int, int, int, int], Metadata],
) -> Node:
    if stat.S_ISDIR(status.st_mode):
        return Directory(_metadata(name, status, known))
    key = (status.st_dev, status.st_ino)
    if status.st_nlink > 1 and key in linked:
        return linked[key]
    meta = _metadata(name, status, known)
    node: Node
    if stat.S_ISREG(status.st_mode):
        node = File(meta, status.st_size, HostFile(name))
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


def _metadata(
    name: bytes, status: os.stat_result, known: dict[tuple[int, int, int, int], Metadata]
) -> Metadata:
    key = (status.st_mode & 0o7777, status.st_uid, status.st_gid, status.st_mtime_ns)
    meta = known.get(key)
    if meta is None:
        mode, uid, gid, mtime_ns = key
        meta = known[key] = Metadata(mode=mode, uid=uid, gid=gid, mtime_ns=mtime_ns)
    names = os.listxattr(name, follow_symlinks=False)
    if not names:
        return meta
    xattrs = tuple(
        (os.fsencode(key), os.getxattr(name, key, follow_symlinks=False)) for key in sorted(names)
    )
    return replace(meta, xattrs=xattrs)
