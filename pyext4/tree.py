"""The model that all parts share: a tree of nodes with the metadata that an inode can hold.

A `Tree` says what a filesystem contains, not where it goes on a disk. `flatten` fills one from
layers, a library user builds one by hand, `pyext4.writing` turns it into inode numbers and blocks.
A hard link is one node object under several names; everything else has exactly one name.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from pyext4.errors import ContentError

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


class Openable(Protocol):
    """Bytes kept somewhere: in a host file, in a spool, in the image being written."""

    def open(self, size: int) -> BinaryIO:
        """Open the `size` bytes at their start; the caller closes the stream."""
        ...


Content: TypeAlias = bytes | Path | Openable | Callable[[], BinaryIO]
"""What a `File` holds: its bytes, a host file that is exactly them, or something to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Owner, permissions, times and extended attributes of one inode.

    Times are nanoseconds since the epoch and may be negative. A time that is None equals
    `mtime_ns`. Equal values may be shared between nodes.
    """

    mode: int  # permission bits with setuid, setgid and sticky: 0 to 0o7777
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    atime_ns: int | None = None
    ctime_ns: int | None = None
    crtime_ns: int | None = None
    # (full name, value) pairs in ascending order of name, such as (b"user.mime_type", b"...");
    # POSIX ACLs are system.posix_acl_access and _default in Linux's xattr form (version 2)
    xattrs: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True, eq=False)
class Directory:
    """A directory: `children` maps a name (no `/`, no NUL, 1 to 255 bytes) to its node."""

    meta: Metadata
    children: dict[bytes, Node] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class File:
    """A regular file of `size` bytes; `content` yields exactly that many."""

    meta: Metadata
    size: int = 0
    content: Content = b""


@dataclass(slots=True, eq=False)
class Symlink:
    """A symbolic link; `target` is kept verbatim, 1 to 4095 bytes."""

    meta: Metadata
    target: bytes


@dataclass(slots=True, eq=False)
class Device:
    """A device node; `kind` is `stat.S_IFCHR` or `stat.S_IFBLK`, `major` 12 bits, `minor` 20."""

    meta: Metadata
    kind: int
    major: int
    minor: int

    def __post_init__(self) -> None:
        if self.kind not in (stat.S_IFCHR, stat.S_IFBLK):
            msg = f"kind must be S_IFCHR or S_IFBLK, not {self.kind:#o}"
            raise TypeError(msg)


@dataclass(slots=True, eq=False)
class Fifo:
    """A named pipe."""

    meta: Metadata


@dataclass(slots=True, eq=False)
class Socket:
    """The name of a Unix socket."""

    meta: Metadata


Node: TypeAlias = Directory | File | Symlink | Device | Fifo | Socket


def _default_root() -> Directory:
    return Directory(Metadata(mode=0o755))


@dataclass(slots=True, eq=False)
class Tree:
    """A whole filesystem, from its root directory down."""

    root: Directory = field(default_factory=_default_root)

    def nodes(self) -> Iterator[Node]:
        """Yield every node, once for each of its names, in no particular order.

        Raises:
            ContentError: a directory has two names, so that it may contain itself.
        """
        stack = [self.root]
        met = {self.root}
        yield self.root
        while stack:
            for child in stack.pop().children.values():
                yield child
                if isinstance(child, Directory):
                    if child in met:
                        for _ in self.walk():  # finds it again, now with its path
                            pass
                    met.add(child)
                    stack.append(child)

    def walk(self) -> Iterator[tuple[bytes, Node]]:
        """Yield every (path, node) in sorted depth-first order; the root is `b"/"`.

        Raises:
            ContentError: a directory has two names, so that it may contain itself.
        """
        stack: list[tuple[bytes, Node]] = [(b"/", self.root)]
        met: set[Node] = set()
        while stack:
            path, node = stack.pop()
            yield path, node
            if isinstance(node, Directory):
                if node in met:
                    raise ContentError(path, "a directory can have only one name")
                met.add(node)
                prefix = path if path == b"/" else path + b"/"
                stack.extend(
                    (prefix + name, child)
                    for name, child in sorted(node.children.items(), reverse=True)
                )
