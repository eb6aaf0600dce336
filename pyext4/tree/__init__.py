"""The model that everything meets in: a tree of nodes with the metadata an inode can hold.

    nodes   what stands in a tree
    text    paths that come as text
    walk    where a path leads in it
    whole   the tree itself: paths in, nodes out

A `Tree` says what a filesystem contains and nothing about where it stands on a disk. `flatten`
fills one from layers, a library user builds one by hand, `pyext4.writing` turns it into inode
numbers and blocks. A hard link is one node object standing under several names; everything else
has exactly one name.
"""

from __future__ import annotations

from pyext4.tree.nodes import (
    Content,
    Device,
    Directory,
    Fifo,
    File,
    Metadata,
    Node,
    Openable,
    Socket,
    Symlink,
)
from pyext4.tree.whole import Tree

__all__ = [
    "Content",
    "Device",
    "Directory",
    "Fifo",
    "File",
    "Metadata",
    "Node",
    "Openable",
    "Socket",
    "Symlink",
    "Tree",
]
