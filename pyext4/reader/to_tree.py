"""Build the tree that an image was, or could have been, made from."""

from __future__ import annotations

import stat
from typing import Final

from pyext4.errors import DamagedError
from pyext4.ondisk.inode import EXT4_ROOT_INO
from pyext4.reader.disk.inodes import Inode, read_inode
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.directory_entries import read_directory
from pyext4.reader.files.file_contents import ImageContent, read_target
from pyext4.reader.files.inode_xattrs import read_xattrs
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink, Tree

__all__ = ["to_tree"]

_PERMISSIONS: Final = 0o7777


def to_tree(image: Image) -> Tree:
    """Build the tree of an image; an inode with several names becomes one node.

    Raises:
        DamagedError: something in it is damaged, or a directory is in two places.
    """
    root = _node(image, read_inode(image, EXT4_ROOT_INO))
    if not isinstance(root, Directory):
        raise DamagedError("inode", EXT4_ROOT_INO, "the root is not a directory")
    nodes: dict[int, Node] = {EXT4_ROOT_INO: root}
    stack = [(EXT4_ROOT_INO, root)]
    while stack:
        ino, directory = stack.pop()
        for entry in read_directory(image, read_inode(image, ino))[2:]:
            known = nodes.get(entry.ino)
            if known is not None and not isinstance(known, Directory):
                directory.children[entry.name] = known
                continue
            if known is not None:
                raise DamagedError("directory", entry.ino, "is in two places")
            node = _node(image, read_inode(image, entry.ino))
            nodes[entry.ino] = directory.children[entry.name] = node
            if isinstance(node, Directory):
                stack.append((entry.ino, node))
    return Tree(root)


def _node(image: Image, node: Inode) -> Node:
    meta = Metadata(
        mode=node.mode & _PERMISSIONS,
        uid=node.uid,
        gid=node.gid,
        mtime_ns=node.mtime_ns,
        atime_ns=node.atime_ns,
        ctime_ns=node.ctime_ns,
        crtime_ns=node.crtime_ns,
        xattrs=read_xattrs(image, node),
    )
    if stat.S_ISDIR(node.mode):
        return Directory(meta)
    if stat.S_ISREG(node.mode):
        return File(meta, node.size, ImageContent(image, node.ino))
    if stat.S_ISLNK(node.mode):
        return Symlink(meta, read_target(image, node))
    if stat.S_ISFIFO(node.mode):
        return Fifo(meta)
    if stat.S_ISSOCK(node.mode):
        return Socket(meta)
    return Device(meta, node.kind, *node.device)
