"""All names of an image as a tree, as tree(1) draws it.

A name is shown once: symbolic links are not followed, and a directory that a damaged image has in
two places is not entered again. So the picture ends.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from pyext4.commands.views.text import show_bytes
from pyext4.reader import Entry, Ext4Reader, Inode

__all__ = ["ASCII", "LINES", "Strokes", "TreeOptions", "draw_tree"]


class Strokes(NamedTuple):
    """What the branches are drawn with."""

    branch: str
    last: str
    passing: str
    nothing: str


LINES: Final = Strokes("├── ", "└── ", "│   ", "    ")
ASCII: Final = Strokes("|-- ", "`-- ", "|   ", "    ")

_MARKS: Final = {stat.S_IFDIR: "/", stat.S_IFIFO: "|", stat.S_IFSOCK: "="}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeOptions:
    """What is shown."""

    levels: int | None = None  # how deep; None: all
    sizes: bool = False  # of files, in bytes
    directories_only: bool = False
    strokes: Strokes = LINES


def draw_tree(reader: Ext4Reader, path: bytes, options: TreeOptions) -> Iterator[str]:
    """Yield the lines of the tree below a path, and a last one with counts.

    Raises:
        PathError: there is no such path.
        DamagedError: an inode or a directory is damaged.
    """
    top = reader.lookup(path, follow=True)
    yield _label(reader, path, top, options)
    directories = files = 0
    met: set[int] = set()
    todo = _below(reader, top, "", options, met, depth=0)
    while todo:
        indent, last, depth, entry = todo.pop()
        node = reader.inode(entry.ino)
        stroke = options.strokes.last if last else options.strokes.branch
        again = node.ino in met
        label = _label(reader, entry.name, node, options)
        yield f"{indent}{stroke}{label}{'  [shown above]' if again else ''}"
        if not stat.S_ISDIR(node.mode):
            files += 1
            continue
        directories += 1
        inside = indent + (options.strokes.nothing if last else options.strokes.passing)
        todo += _below(reader, node, inside, options, met, depth=depth)
    yield ""
    counts = _count(directories, "directory", "directories")
    yield counts if options.directories_only else f"{counts}, {_count(files, 'file', 'files')}"


class _Branch(NamedTuple):
    indent: str
    last: bool
    depth: int
    entry: Entry


def _below(
    reader: Ext4Reader, node: Inode, indent: str, options: TreeOptions, met: set[int], *, depth: int
) -> list[_Branch]:
    """Return what is in a directory, the first name last."""
    deep = options.levels is not None and depth >= options.levels
    if not stat.S_ISDIR(node.mode) or deep or node.ino in met:
        return []
    met.add(node.ino)
    entries = sorted(reader.listdir(node), reverse=True)
    if options.directories_only:
        entries = [each for each in entries if stat.S_ISDIR(reader.inode(each.ino).mode)]
    return [
        _Branch(indent, last=number == 0, depth=depth + 1, entry=entry)
        for number, entry in enumerate(entries)
    ]


def _label(reader: Ext4Reader, name: bytes, node: Inode, options: TreeOptions) -> str:
    shown = show_bytes(name)
    if stat.S_ISLNK(node.mode):
        shown += f" -> {show_bytes(reader.readlink(node))}"
    elif stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode):
        kind = "char" if stat.S_ISCHR(node.mode) else "block"
        shown += " ({} {}, {})".format(kind, *node.device)
    elif stat.S_ISREG(node.mode):
        shown += "*" if node.mode & 0o111 else ""
    elif not name.endswith(b"/"):
        shown += _MARKS[node.kind]
    if options.sizes and stat.S_ISREG(node.mode):
        return f"[{node.size:>12}]  {shown}"
    return f"[{'':>12}]  {shown}" if options.sizes else shown


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
