"""A tree as text, one line for each name, in sorted order.

    -rwsr-xr-x 0/0          72072 2024-05-09T16:47:10.000000000Z /usr/bin/su
    crw-rw-rw- 0/0            1,3 2024-05-09T16:47:10.000000000Z /dev/null
    lrwxrwxrwx 0/0              7 2024-05-09T16:47:10.000000000Z /bin -> usr/bin
    -rwxr-xr-x 0/0          10240 2024-05-09T16:47:10.000000000Z /usr/bin/x = /usr/bin/w

Mode, owner, size in bytes or device number, time in UTC, path; `->` comes before a symbolic
link's target, `=` before the first name of a hard-linked file. Bytes that aren't printable
UTF-8 are escaped with a backslash.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from flatten.errors import shown
from flatten.paths_of_nodes import first_names, link_counts
from pyext4.tree import Device, Directory, Fifo, File, Node, Symlink, Tree

__all__ = ["list_lines", "write_list"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def list_lines(tree: Tree) -> Iterator[str]:
    """Yield the lines, without line ends."""
    for path, node, first in first_names(tree.walk(), link_counts(tree)):
        meta = node.meta
        owner = f"{meta.uid}/{meta.gid}"
        line = f"{_mode(node)} {owner:9} {_size(node):>8} {_time(meta.mtime_ns)} {shown(path)}"
        if first is not None:
            line += f" = {shown(first)}"
        if isinstance(node, Symlink):
            line += f" -> {shown(node.target)}"
        yield line


def write_list(tree: Tree, stream: BinaryIO) -> None:
    """Write the lines to `stream` as UTF-8."""
    stream.writelines(line.encode() + b"\n" for line in list_lines(tree))


def _mode(node: Node) -> str:
    match node:
        case Directory():
            kind = stat.S_IFDIR
        case File():
            kind = stat.S_IFREG
        case Symlink():
            kind = stat.S_IFLNK
        case Device():
            kind = node.kind
        case Fifo():
            kind = stat.S_IFIFO
        case _:
            kind = stat.S_IFSOCK
    return stat.filemode(kind | node.meta.mode)


def _size(node: Node) -> str:
    match node:
        case File():
            return str(node.size)
        case Symlink():
            return str(len(node.target))
        case Device():
            return f"{node.major},{node.minor}"
        case _:
            return "0"


def _time(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # datetime ends with the year 9999: give the number
        return f"@{seconds}.{nanoseconds:09}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
