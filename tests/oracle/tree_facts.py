"""What a `Tree` and the kernel's mount of an image say about every path, in one form.

Contents are compared by the pages that are not zero, so that a file of terabytes with a few pages
of data costs no more than those pages.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

from pyext4 import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree
from pyext4.content import open_content
from pyext4.tree import Node

__all__ = ["Fact", "Pieces", "differences", "told_by_kernel", "told_by_tree"]

Pieces: TypeAlias = Sequence[tuple[int, bytes]]
"""(offset in the file, data) of a file whose other bytes are zero."""

PAGE = 4096
WHOLE = 1 << 24  # files up to this size are read in one go
AT_FDCWD, AT_SYMLINK_NOFOLLOW, STATX_ALL = -100, 0x100, 0xFFF
STATX_TIMES = struct.Struct("=64x" + "qI4x" * 4 + "128x")  # atime, btime, ctime, mtime

KINDS: dict[type[Node], int] = {
    Directory: stat.S_IFDIR,
    File: stat.S_IFREG,
    Symlink: stat.S_IFLNK,
    Fifo: stat.S_IFIFO,
    Socket: stat.S_IFSOCK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """All that one path is."""

    mode: int
    uid: int
    gid: int
    times_ns: tuple[int, int, int, int]  # atime, ctime, mtime, crtime
    links: int
    first_name: bytes  # the first path in sorted order that is the same inode
    size: int | None  # None: a directory's is its filesystem's business
    device: tuple[int, int]
    target: bytes
    xattrs: tuple[tuple[bytes, bytes], ...]
    pages: str  # digest of the pages that are not zero


def told_by_tree(
    tree: Tree, lost_and_found: Metadata, pieces: Mapping[bytes, Pieces]
) -> dict[bytes, Fact]:
    """Say what the kernel must say; `pieces` are contents that the tree's nodes can't give."""
    nodes = dict(tree.walk())
    nodes.setdefault(b"/lost+found", Directory(lost_and_found))
    links: dict[Node, int] = {}
    for node in nodes.values():
        links[node] = links.get(node, 0) + 1
    directories: dict[bytes, int] = {}
    for path, node in nodes.items():
        if isinstance(node, Directory) and path != b"/":
            parent = os.path.dirname(path)
            directories[parent] = directories.get(parent, 0) + 1
    first_names: dict[Node, bytes] = {}
    told: dict[bytes, Fact] = {}
    for path in sorted(nodes):
        node = nodes[path]
        count = links[node]
        if isinstance(node, Directory):
            count = 2 + directories.get(path, 0)
            count = 1 if count > 65_000 else count
        first = first_names.setdefault(node, path)
        told[path] = _of_node(node, count, first, pieces.get(path))
    return told


def _of_node(node: Node, links: int, first_name: bytes, pieces: Pieces | None) -> Fact:
    meta = node.meta
    size: int | None = 0
    if isinstance(node, Directory):
        size = None
    elif isinstance(node, File):
        size = node.size
    elif isinstance(node, Symlink):
        size = len(node.target)
    times = (meta.atime_ns, meta.ctime_ns, meta.mtime_ns, meta.crtime_ns)
    atime, ctime, mtime, crtime = (meta.mtime_ns if time is None else time for time in times)
    return Fact(
        mode=(node.kind if isinstance(node, Device) else KINDS[type(node)]) | meta.mode,
        uid=meta.uid,
        gid=meta.gid,
        times_ns=(atime, ctime, mtime, crtime),
        links=links,
        first_name=first_name,
        size=size,
        device=(node.major, node.minor) if isinstance(node, Device) else (0, 0),
        target=node.target if isinstance(node, Symlink) else b"",
        xattrs=tuple(sorted(meta.xattrs)),
        pages=_pages(_content(node, pieces)) if isinstance(node, File) else "",
    )


def _content(node: File, pieces: Pieces | None) -> Iterator[tuple[int, bytes]]:
    if pieces is not None:
        yield from pieces
        return
    with open_content(node) as stream:
        yield 0, stream.read()


def _pages(pieces: Iterable[tuple[int, bytes]]) -> str:
    pages: dict[int, bytearray] = {}
    for offset, data in pieces:
        at = 0
        while at < len(data):
            page, start = divmod(offset + at, PAGE)
            part = data[at : at + PAGE - start]
            if part.count(0) != len(part):
                place = pages.setdefault(page, bytearray(PAGE))
                place[start : start + len(part)] = part
            at += len(part)
    digest = hashlib.sha256()
    for page, content in sorted(pages.items()):
        digest.update(page.to_bytes(8, "little") + content)
    return digest.hexdigest()


def told_by_kernel(root: Path) -> dict[bytes, Fact]:
    """Look at everything below the root of a mounted filesystem, name by name."""
    base = os.fsencode(root)
    first_names: dict[int, bytes] = {}
    told: dict[bytes, Fact] = {}
    for path in sorted(_paths(base)):
        told[path] = _of_path(base + path, path, first_names)
    return told


def _paths(base: bytes) -> Iterator[bytes]:
    yield b"/"
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(base + folder + b"/") as entries:
            for entry in entries:
                path = folder + b"/" + entry.name
                yield path
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)


def _of_path(place: bytes, path: bytes, first_names: dict[int, bytes]) -> Fact:
    found = os.lstat(place)
    kind = stat.S_IFMT(found.st_mode)
    names = [os.fsencode(name) for name in os.listxattr(place, follow_symlinks=False)]
    return Fact(
        mode=found.st_mode,
        uid=found.st_uid,
        gid=found.st_gid,
        times_ns=_times(place),
        links=found.st_nlink,
        first_name=first_names.setdefault(found.st_ino, path),
        size=None if kind == stat.S_IFDIR else found.st_size,
        device=(os.major(found.st_rdev), os.minor(found.st_rdev)),
        target=os.readlink(place) if kind == stat.S_IFLNK else b"",
        xattrs=tuple(
            (name, os.getxattr(place, name, follow_symlinks=False)) for name in sorted(names)
        ),
        pages=_pages(_read(place, found.st_size)) if kind == stat.S_IFREG else "",
    )


def _times(place: bytes) -> tuple[int, int, int, int]:
    """Ask statx, which knows crtime too."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(STATX_TIMES.size)
    if libc.statx(AT_FDCWD, place, AT_SYMLINK_NOFOLLOW, STATX_ALL, buffer) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), place)
    parts = STATX_TIMES.unpack(buffer)
    atime, crtime, ctime, mtime = (
        seconds * 10**9 + ns for seconds, ns in zip(parts[::2], parts[1::2], strict=True)
    )
    return atime, ctime, mtime, crtime


def _read(place: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    with open(place, "rb", buffering=0) as file:
        if size <= WHOLE:
            yield 0, file.read()
            return
        at = 0
        while at < size:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            for offset in range(start, at, WHOLE):
                yield offset, os.pread(file.fileno(), min(WHOLE, at - offset), offset)


def differences(expected: Mapping[bytes, Fact], actual: Mapping[bytes, Fact]) -> list[str]:
    """Describe each path that one side lacks and each fact that differs, one line apiece."""
    lines = [f"{path!r}: missing" for path in sorted(expected.keys() - actual.keys())]
    lines += [f"{path!r}: not expected" for path in sorted(actual.keys() - expected.keys())]
    for path in sorted(expected.keys() & actual.keys()):
        if expected[path] != actual[path]:
            for field in fields(Fact):
                wanted, got = getattr(expected[path], field.name), getattr(actual[path], field.name)
                if wanted != got:
                    lines.append(f"{path!r}: {field.name}: expected {wanted!r}, is {got!r}")
    return lines
