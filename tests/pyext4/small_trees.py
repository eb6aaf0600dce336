"""Trees of a few nodes, and functions to write them if only the outcome counts."""

from __future__ import annotations

from pathlib import Path

from pyext4 import Directory, File, Metadata, Options, Tree, Written, write_ext4
from pyext4.tree import Node

__all__ = ["EXECUTABLE", "PLAIN", "file_of", "tree_of", "write"]

PLAIN = Metadata(mode=0o644)
EXECUTABLE = Metadata(mode=0o755)


def tree_of(**children: Node) -> Tree:
    """Return a tree whose root has the named children."""
    named = {name.encode(): node for name, node in children.items()}
    return Tree(Directory(Metadata(mode=0o755), named))


def file_of(content: bytes, meta: Metadata = PLAIN) -> File:
    """Return a file with these bytes."""
    return File(meta, len(content), content)


def write(tree: Tree, folder: Path, options: Options | None = None) -> Written:
    """Write a tree as `folder`/image.ext4."""
    return write_ext4(tree, folder / "image.ext4", options)
