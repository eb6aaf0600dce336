"""The first pass over a tree: every node gets its inode number, every name its place in a column.

Numbers follow the sorted order of names: a directory's entries get consecutive numbers, then each
of its directories follows in turn. The root is 2 and lost+found, which every ext4 has, is 11.
Anything numerous is kept in columns, not in objects: entry i of a directory is one length, one
inode number, one type and a slice of the joined names.
"""

from __future__ import annotations

import stat
from array import array

from pyext4.errors import ContentError
from pyext4.ondisk.dir_entry import (
    EXT4_FT_BLKDEV,
    EXT4_FT_CHRDEV,
    EXT4_FT_DIR,
    EXT4_FT_FIFO,
    EXT4_FT_REG_FILE,
    EXT4_FT_SOCK,
    EXT4_FT_SYMLINK,
    EXT4_NAME_LEN,
)
from pyext4.ondisk.inode import EXT4_LINK_MAX, EXT4_ROOT_INO
from pyext4.space.geometry import FIRST_INO
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink, Tree

__all__ = ["LOST_AND_FOUND", "LOST_AND_FOUND_NODE", "Survey", "path_of", "survey"]

LOST_AND_FOUND = b"lost+found"
LOST_AND_FOUND_NODE = 1  # index among the nodes
_AHEAD = FIRST_INO - LOST_AND_FOUND_NODE  # of inode numbers, except the root's, over indexes
_FILE_TYPES: dict[type, int] = {
    File: EXT4_FT_REG_FILE,
    Directory: EXT4_FT_DIR,
    Fifo: EXT4_FT_FIFO,
    Socket: EXT4_FT_SOCK,
    Symlink: EXT4_FT_SYMLINK,
}
_DEVICE_TYPES = {stat.S_IFCHR: EXT4_FT_CHRDEV, stat.S_IFBLK: EXT4_FT_BLKDEV}


class Survey:
    """What the tree holds, in columns."""

    def __init__(self) -> None:
        # node i has inode number ino_of(i); node 0 is the root
        self.nodes: list[Node] = []
        self.links = array("I")  # of node i; directories too
        # the directories in the order of their entries below: node number, parent's ino, entries
        self.directories = array("I")
        self.parent_inos = array("I")
        self.entry_counts = array("I")
        # all entries of all directories
        self.names = bytearray()
        self.lengths = bytearray()
        self.inos = array("I")
        self.types = bytearray()

    def ino_of(self, index: int) -> int:
        """Return the inode number of a node."""
        return index + _AHEAD if index else EXT4_ROOT_INO

    def index_of(self, ino: int) -> int:
        """Return the index of the node with an inode number."""
        return 0 if ino == EXT4_ROOT_INO else ino - _AHEAD


def survey(tree: Tree, lost_and_found: Metadata) -> Survey:
    """Number the nodes of a tree; `lost_and_found` is used if the tree has none.

    Raises:
        ContentError: ext4 can't hold a name or a number of links, or this is not a tree.
    """
    out = Survey()
    out.nodes.append(tree.root)
    out.links.append(2)
    numbers: dict[Node, int] = {tree.root: 0}  # node -> its index
    waiting = [(0, EXT4_ROOT_INO)]
    while waiting:
        index, parent_ino = waiting.pop()
        directory = out.nodes[index]
        assert isinstance(directory, Directory)
        children = directory.children
        if index == 0:
            children = _with_lost_and_found(children, lost_and_found)
        names = _sorted_names(tree, directory, children)
        out.directories.append(index)
        out.parent_inos.append(parent_ino)
        out.entry_counts.append(len(names))
        out.names += b"".join(names)
        out.lengths += bytes(map(len, names))
        below = _number(tree, out, numbers, list(map(children.__getitem__, names)))
        out.links[index] += len(below)
        ino = out.ino_of(index)
        waiting.extend((number, ino) for number in reversed(below))
    return out


def _sorted_names(tree: Tree, directory: Node, children: dict[bytes, Node]) -> list[bytes]:
    names = sorted(children)
    if directory is tree.root:  # first, because its inode number is the first
        names.remove(LOST_AND_FOUND)
        names.insert(0, LOST_AND_FOUND)
    _check_names(tree, directory, names)
    return names


def _number(tree: Tree, out: Survey, numbers: dict[Node, int], children: list[Node]) -> list[int]:
    """Append the entries of one directory to the columns; return the directories among them."""
    below: list[int] = []
    nodes, links, types, inos = out.nodes, out.links, out.types, out.inos
    for child in children:
        kind = type(child)
        number = numbers.get(child)
        if number is None:
            number = numbers[child] = len(nodes)
            nodes.append(child)
            if kind is Directory:
                links.append(2)
                below.append(number)
            else:
                links.append(1)
        elif kind is Directory:
            for _ in tree.walk():  # raises when it meets the second one
                pass
        else:
            links[number] += 1
            if links[number] > EXT4_LINK_MAX:
                path = path_of(tree, child)
                raise ContentError(path, f"it has more than {EXT4_LINK_MAX} hard links")
        types.append(_FILE_TYPES.get(kind) or _device_type(child))
        inos.append(number + _AHEAD)
    return below


def _device_type(node: Node) -> int:
    if type(node) is not Device:
        msg = f"not a kind of node: {type(node).__name__}"
        raise TypeError(msg)
    return _DEVICE_TYPES[node.kind]


def _with_lost_and_found(children: dict[bytes, Node], metadata: Metadata) -> dict[bytes, Node]:
    own = children.get(LOST_AND_FOUND)
    if own is None:
        return {**children, LOST_AND_FOUND: Directory(metadata)}
    if not isinstance(own, Directory):
        raise ContentError(b"/" + LOST_AND_FOUND, "ext4 needs a directory of this name")
    return children


def _check_names(tree: Tree, directory: Node, names: list[bytes]) -> None:
    if not names:
        return
    if (
        b"" in names
        or b"." in names
        or b".." in names
        or max(map(len, names)) > EXT4_NAME_LEN
        or b"/" in (joined := b"".join(names))
        or b"\0" in joined
    ):
        bad = next(
            name
            for name in names
            if name in (b"", b".", b"..") or len(name) > EXT4_NAME_LEN or b"/" in name or 0 in name
        )
        reason = f"a name must be 1 to {EXT4_NAME_LEN} bytes without / and NUL, and not . or .."
        raise ContentError(_join(path_of(tree, directory), bad), reason)


def _join(directory: bytes, name: bytes) -> bytes:
    return directory.rstrip(b"/") + b"/" + name


def path_of(tree: Tree, node: Node) -> bytes:
    """Return a path of a node; slow, for messages."""
    return next((path for path, other in tree.walk() if other is node), b"/" + LOST_AND_FOUND)
