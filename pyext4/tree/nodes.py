"""What stands in a tree: one class for each type of file, with the metadata an inode can hold."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeAlias

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
]


class Openable(Protocol):
    """Bytes kept somewhere: in a host file, in a spool, in the image that is being written."""

    def open(self, size: int) -> BinaryIO:
        """Open the `size` bytes from their beginning; the caller closes the stream."""
        ...


Content: TypeAlias = bytes | Path | Openable | Callable[[], BinaryIO]
"""What a `File` holds: its bytes, a host file that is exactly them, or something to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Owner, permissions, times and extended attributes of one inode.

    Times are nanoseconds since the epoch and may be negative. A time that is None equals
    `mtime_ns`. Equal values may be shared between nodes.

    Attributes:
        mode: Permission bits with setuid, setgid and sticky, 0 to 0o7777.
        uid: The owner's number.
        gid: The group's number.
        mtime_ns: When the content was changed.
        atime_ns: When it was read.
        ctime_ns: When the inode was changed.
        crtime_ns: When it was made.
        xattrs: (full name, value) pairs in ascending order of name, such as
            `(b"user.mime_type", b"text/plain")`. POSIX ACLs stand as system.posix_acl_access and
            system.posix_acl_default in Linux's xattr form (version 2).
    """

    mode: int
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    atime_ns: int | None = None
    ctime_ns: int | None = None
    crtime_ns: int | None = None
    xattrs: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True, eq=False)
class Directory:
    """A directory.

    Attributes:
        meta: Its owner, permissions and times.
        children: What it has: a name (no `/`, no NUL, 1 to 255 bytes) and its node.
    """

    meta: Metadata
    children: dict[bytes, Node] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class File:
    """A regular file; `File.of(b"text")` counts its bytes, and makes the metadata too.

    Attributes:
        meta: Its owner, permissions and times.
        size: Of the content, in bytes.
        content: Exactly so many bytes, a host file that has them, or what opens a stream of them.
    """

    meta: Metadata
    size: int = 0
    content: Content = b""

    @classmethod
    def of(
        cls,
        content: bytes | Path,
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        mtime_ns: int = 0,
        xattrs: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Self:
        """Make a file of bytes, or of a file of the host, which is read when the tree is written.

        Of the host's file nothing but the size is taken now, and the content later: owner, mode
        and time are those that are given here; see `Metadata`.

        Raises:
            TypeError: the content is neither. Text has to be encoded first.
            ContentError: the path leads to something that is not a regular file.
            OSError: it leads nowhere, or can't be looked at.
        """
        if isinstance(content, bytes):
            size = len(content)
        elif isinstance(content, Path):
            status = content.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ContentError(bytes(content), "not a regular file")
            size = status.st_size
        else:
            msg = f"content: must be bytes or Path, not {type(content).__name__}: {content!r:.60}"
            raise TypeError(msg)
        meta = Metadata(mode=mode, uid=uid, gid=gid, mtime_ns=mtime_ns, xattrs=xattrs)
        return cls(meta, size, content)


@dataclass(slots=True, eq=False)
class Symlink:
    """A symbolic link.

    Attributes:
        meta: Its owner and times; Linux ignores its permissions and shows 0o777.
        target: Where it leads, 1 to 4095 bytes, kept as it is.
    """

    meta: Metadata
    target: bytes


@dataclass(slots=True, eq=False)
class Device:
    """A device node.

    Attributes:
        meta: Its owner, permissions and times.
        kind: `stat.S_IFCHR` or `stat.S_IFBLK`.
        major: The driver's number, 12 bits.
        minor: The device's number, 20 bits.
    """

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
    """A named pipe.

    Attributes:
        meta: Its owner, permissions and times.
    """

    meta: Metadata


@dataclass(slots=True, eq=False)
class Socket:
    """A unix socket's name.

    Attributes:
        meta: Its owner, permissions and times.
    """

    meta: Metadata


Node: TypeAlias = Directory | File | Symlink | Device | Fifo | Socket
