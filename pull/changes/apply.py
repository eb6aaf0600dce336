"""What is changed of a merged tree, and in which order.

1. The image's layers are merged, and then names are left out: so what `--add`, `--add-text` and
   `--boot` put in is there whatever the patterns say, and can stand in the place of what went.
2. What is added goes on top, then what a guest needs.
3. Owners are mapped: what is added belongs to users inside the namespace too.
4. Times are clamped.
"""

from __future__ import annotations

from typing import Final

from pull.changes.options import ChangeOptions
from pyext4.editing import clamp_times, exclude, map_owners
from pyext4.errors import ContentError
from pyext4.tree import Directory, Metadata, Tree

__all__ = [
    "CLAMPED",
    "EXCLUDED",
    "MAPPED",
    "TEXTS",
    "change_all",
    "leave_out",
    "with_lost_and_found",
]

# what is counted, by its name in JSON
EXCLUDED: Final = "excluded"  # names that were left out, directories and all names in them
MAPPED: Final = "mapped"  # inodes that got another owner or group, or others in their attributes
CLAMPED: Final = "clamped"  # inodes with a time that was too late
TEXTS: Final = "texts"  # files made of texts

_LOST_AND_FOUND: Final = b"lost+found"
_NS_PER_SECOND: Final = 1_000_000_000


def leave_out(tree: Tree, asked: ChangeOptions) -> dict[str, int]:
    """Take the names that are to be left out of a tree of the image's layers; return how many.

    Raises:
        OptionsError: a pattern can't be read.
    """
    return {EXCLUDED: exclude(tree, asked.exclude)} if asked.exclude else {}


def change_all(tree: Tree, asked: ChangeOptions, *, latest: int | None) -> dict[str, int]:
    """Do what comes last, and count it; `latest` is in seconds since 1970.

    Raises:
        OptionsError: the ranges contradict each other.
        ContentError: an owner is in none of them.
    """
    counts = {}
    if asked.owners:
        counts[MAPPED] = map_owners(tree, asked.owners)
    if asked.clamp_mtime:
        assert latest is not None
        counts[CLAMPED] = clamp_times(tree, latest * _NS_PER_SECOND)
    return counts


def with_lost_and_found(tree: Tree, asked: ChangeOptions, *, time: int) -> None:
    """Let /lost+found belong to the mapped root, where the image has none of its own.

    Otherwise the one that every ext4 has would be the only thing of a stranger's in the namespace.
    """
    if not asked.owners or _LOST_AND_FOUND in tree.root.children:
        return
    made = Directory(Metadata(mode=0o700, mtime_ns=time * _NS_PER_SECOND))
    try:
        map_owners(Tree(made), asked.owners)
    except ContentError:  # the namespace has no root
        return
    tree.root.children[_LOST_AND_FOUND] = made
