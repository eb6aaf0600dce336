"""Names in a directory, and all that is known about one inode, as lines of text."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from pyext4.commands.text import show_bytes, show_time
from pyext4.errors import DamagedError
from pyext4.reader import Entry, Ext4Reader, Inode

__all__ = ["describe", "list_path"]


def list_path(reader: Ext4Reader, path: bytes, *, long: bool, recursive: bool) -> Iterator[str]:
    """Yield the lines of `ls`: the names in a directory, or the path itself for anything else."""
    node = reader.lookup(path, follow=not long)
    if not stat.S_ISDIR(node.mode):
        yield _line(reader, path, node, long=long)
        return
    stack = [(path, node)]
    met = set()
    while stack:
        path, node = stack.pop()
        if node.ino in met:
            raise DamagedError("directory", node.ino, f"is in two places, one is {path!r}")
        met.add(node.ino)
        if recursive:
            yield f"{show_bytes(path)}:"
        entries = sorted(reader.listdir(node))
        below = []
        for entry in entries:
            child = reader.inode(entry.ino) if long or recursive else None
            yield _line(reader, entry.name, child, long=long)
            if child is not None and stat.S_ISDIR(child.mode):
                below.append((_join(path, entry), child))
        if recursive:
            stack.extend(reversed(below))
            if stack:
                yield ""


def describe(reader: Ext4Reader, path: bytes) -> Iterator[str]:
    """Yield the lines of `stat`."""
    node = reader.lookup(path)
    yield f"path:        {show_bytes(path)}"
    yield f"inode:       {node.ino}, generation {node.generation}, flags {node.flags:#x}"
    yield f"mode:        {stat.filemode(node.mode)} {node.mode:o}, links {node.links}"
    yield f"owner:       uid {node.uid}, gid {node.gid}, project {node.project}"
    if stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode):
        yield "device:      major {}, minor {}".format(*node.device)
    else:
        yield f"size:        {node.size} bytes, {node.sectors} sectors of 512"
    if stat.S_ISLNK(node.mode):
        yield f"target:      {show_bytes(reader.readlink(node))}"
    yield f"accessed:    {show_time(node.atime_ns)}"
    yield f"modified:    {show_time(node.mtime_ns)}"
    yield f"changed:     {show_time(node.ctime_ns)}"
    if node.crtime_ns is not None:
        yield f"created:     {show_time(node.crtime_ns)}"
    for name, value in reader.xattrs(node):
        yield f"attribute:   {show_bytes(name)} = {show_bytes(value)}"
    for run in reader.runs(node):
        last = run.logical_block + run.length - 1
        unwritten = ", unwritten" if run.unwritten else ""
        yield f"blocks:      {run.logical_block}-{last} at {run.block}{unwritten}"


def _line(reader: Ext4Reader, name: bytes, node: Inode | None, *, long: bool) -> str:
    shown = show_bytes(name)
    if not long or node is None:
        return shown
    size = str(node.size)
    if stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode):
        size = "{}, {}".format(*node.device)
    elif stat.S_ISLNK(node.mode):
        shown += f" -> {show_bytes(reader.readlink(node))}"
    when = show_time(node.mtime_ns)[:19]
    mode = stat.filemode(node.mode)
    return f"{mode} {node.links:>3} {node.uid:>5} {node.gid:>5} {size:>10} {when} {shown}"


def _join(path: bytes, entry: Entry) -> bytes:
    return path + entry.name if path.endswith(b"/") else path + b"/" + entry.name
