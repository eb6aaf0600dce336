"""A tree from a directory of the host: what `tar` would pack, without reading file contents.

Owners, modes, modification times, attributes, devices and hard links are what `lstat` and
`listxattr` report. Access and change times are left out, so that an unchanged directory gives an
unchanged image. Other filesystems mounted below are treated like any directory.

A thread reads the next directories while nodes are made from the last ones.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from pyext4 import native
from pyext4.collector import no_collection
from pyext4.content import HostFile
from pyext4.native.rows import ENTRY_HEAD, ENTRY_KEY, ENTRY_ROW, Entries
from pyext4.numbers import NS_PER_SECOND
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink, Tree

__all__ = ["tree_from_directory"]

_SCANS_AHEAD = 4  # each holds a few thousand entries at most
_SCAN_DIRECTORIES = 32  # most are small: not worth waking a thread for each

_Named: TypeAlias = tuple[bytes, Directory]
"""A directory's path on the host, and its node."""

_Scan: TypeAlias = tuple[list[_Named], Generator[Entries, None, None], Future[Entries | None]]
"""Directories, the scan of them, and its next result."""


def tree_from_directory(path: Path) -> Tree:
    """Return the tree below `path`; file contents are read when the tree is written.

    Raises:
        OSError: something can't be read; NotADirectoryError for `path` itself.
    """
    name = os.fsencode(path)
    status = os.lstat(name)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    meta = Metadata(
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
    )
    root = Directory(_with_xattrs(meta, name))
    _fill(name, root)
    return Tree(root)


def _fill(name: bytes, root: Directory) -> None:
    """Fill `root` with everything below `name`."""
    nodes = _Nodes()
    waiting = [(name, root)]
    scans: deque[_Scan] = deque()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="pyext4 scanner") as pool:
            while waiting or scans:
                while waiting and len(scans) < _SCANS_AHEAD:
                    directories = waiting[-_SCAN_DIRECTORIES:]
                    del waiting[-_SCAN_DIRECTORIES:]
                    scan = native.scan_directories([name for name, _ in directories])
                    scans.append((directories, scan, pool.submit(next, scan, None)))
                directories, scan, scanning = scans.popleft()
                entries = scanning.result()
                if entries is not None:
                    scans.append((directories, scan, pool.submit(next, scan, None)))
                    with no_collection():
                        waiting += nodes.add(directories, entries)
    finally:
        for _, scan, _ in scans:
            scan.close()


class _Nodes:
    """Makes nodes from entries, and remembers what later ones can share."""

    def __init__(self) -> None:
        self._known: dict[bytes, Metadata] = {}  # by ENTRY_KEY: most files share theirs with others
        self._linked: dict[tuple[int, int], Node] = {}  # by device and inode: of several names

    def add(self, directories: list[_Named], entries: Entries) -> list[_Named]:
        """Put nodes into their directories; return the new nodes that are directories."""
        below: list[_Named] = []
        known = self._known
        new = tuple.__new__  # makes named tuples without calling Python code for each
        position = 0
        heads = zip(ENTRY_HEAD.iter_unpack(entries.rows), entries.names, strict=True)
        for (path, directory), count in zip(directories, entries.counts, strict=True):
            children = directory.children
            prefix = path if path.endswith(b"/") else path + b"/"
            for (key, size, plain), name in islice(heads, count):
                meta = known.get(key) or self._metadata(key)
                if plain:
                    children[name] = File(meta, size, new(HostFile, (prefix + name,)))
                else:
                    row = ENTRY_ROW.unpack_from(entries.rows, position * ENTRY_ROW.size)
                    node = children[name] = self._node(prefix + name, row, meta)
                    if isinstance(node, Directory):
                        below.append((prefix + name, node))
                position += 1
        return below

    def _metadata(self, key: bytes) -> Metadata:
        mtime, mtime_ns, mode, uid, gid = ENTRY_KEY.unpack(key)
        meta = self._known[key] = Metadata(
            mode=stat.S_IMODE(mode), uid=uid, gid=gid, mtime_ns=mtime * NS_PER_SECOND + mtime_ns
        )
        return meta

    def _node(self, path: bytes, row: tuple[int, ...], meta: Metadata) -> Node:
        """Make a node of any kind, or find the one that already has another name."""
        _, _, mode, _, _, size, _, has_xattrs, device, ino, links, major, minor = row
        kind = stat.S_IFMT(mode)
        several = links > 1 and kind != stat.S_IFDIR
        if several and (device, ino) in self._linked:
            return self._linked[device, ino]
        if has_xattrs:
            meta = _with_xattrs(meta, path)
        node: Node
        if kind == stat.S_IFDIR:
            node = Directory(meta)
        elif kind == stat.S_IFREG:
            node = File(meta, size, HostFile(path))
        elif kind == stat.S_IFLNK:
            node = Symlink(meta, os.readlink(path))  # noqa: PTH115  Path has no bytes
        elif kind == stat.S_IFIFO:
            node = Fifo(meta)
        elif kind == stat.S_IFSOCK:
            node = Socket(meta)
        else:
            node = Device(meta, kind, major, minor)
        if several:
            self._linked[device, ino] = node
        return node


def _with_xattrs(meta: Metadata, path: bytes) -> Metadata:
    """Return the metadata with the attributes that the file has now."""
    names = os.listxattr(path, follow_symlinks=False)
    xattrs = tuple(
        (os.fsencode(name), os.getxattr(path, name, follow_symlinks=False))
        for name in sorted(names)
    )
    return replace(meta, xattrs=xattrs) if xattrs else meta
