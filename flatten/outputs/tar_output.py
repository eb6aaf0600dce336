"""A tree as one tar: POSIX.1-2001 (PAX) headers, sorted, hard links after their targets.

A plain ustar header if that is enough, else with an extended header before it: for long or
non-ASCII names, fractions of seconds, large numbers, xattrs (SCHILY.xattr.*, which GNU tar,
bsdtar, Go and star read; ACLs as SCHILY.acl.* too). Same tree, same bytes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from flatten.errors import OutputError
from flatten.paths_of_nodes import first_names, link_counts
from flatten.tar.acl_text import acl_to_text
from pyext4.content import open_content
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink, Tree

__all__ = ["tar_pieces", "write_tar"]

BLOCK = 512
RECORD = 20 * BLOCK  # tars are padded to a multiple of this: tar(1), blocking factor
_COPY_BYTES = 1 << 20
_NAME_BYTES = 100
_OWNER_MAX = 0o7777777  # seven octal digits and a NUL
_TIME_MAX = 0o77777777777
_SIZE_MAX = 0o77777777777
_EXTENDED_NAME: Final = b"././@PaxHeader"  # for readers that don't know the type

_ACLS: Final = {
    b"system.posix_acl_access": b"SCHILY.acl.access",
    b"system.posix_acl_default": b"SCHILY.acl.default",
}

Record = tuple[bytes, bytes]


def write_tar(tree: Tree, stream: BinaryIO) -> None:
    """Write `tree` to `stream`, the root as `./`.

    Raises:
        OutputError: a socket, which tar can't hold, or content shorter than its file's size.
    """
    stream.writelines(tar_pieces(tree.walk(), link_counts(tree)))


def tar_pieces(entries: Iterable[tuple[bytes, Node]], counts: dict[Node, int]) -> Iterator[bytes]:
    """Yield the bytes of a tar of (absolute path, node) pairs, including its end and padding.

    `counts` has the nodes with several names.
    """
    written = 0
    for path, node, first in first_names(entries, counts):
        for piece in _member(path, node, first):
            written += len(piece)
            yield piece
    end = 2 * BLOCK
    yield bytes(end + -(written + end) % RECORD)


def _member(path: bytes, node: Node, first: bytes | None) -> Iterator[bytes]:
    name = b"." + path + (b"/" if isinstance(node, Directory) and path != b"/" else b"")
    link = b"" if first is None else b"." + first
    typeflag, device, size = b"1", (0, 0), 0
    if first is None:
        match node:
            case Directory():
                typeflag = b"5"
            case File():
                typeflag, size = b"0", node.size
            case Symlink():
                typeflag, link = b"2", node.target
            case Device():
                typeflag = b"3" if node.kind == stat.S_IFCHR else b"4"
                device = node.major, node.minor
            case Fifo():
                typeflag = b"6"
            case Socket():
                raise OutputError(path, "tar can't hold a socket")
    records = list(_records(name, link, size, node.meta))
    if records:
        body = b"".join(_packed(key, value) for key, value in records)
        yield _header(_EXTENDED_NAME, b"x", len(body), Metadata(mode=0o644))
        yield body + bytes(-len(body) % BLOCK)
    yield _header(name, typeflag, size, node.meta, link=link, device=device)
    if size:
        assert isinstance(node, File)
        yield from _content(path, node)


def _records(name: bytes, link: bytes, size: int, meta: Metadata) -> Iterator[Record]:
    """Yield what the ustar header can't hold, and xattrs."""
    if len(name) > _NAME_BYTES or not name.isascii():
        yield b"path", name
    if len(link) > _NAME_BYTES or not link.isascii():
        yield b"linkpath", link
    if size > _SIZE_MAX:
        yield b"size", b"%d" % size
    if meta.uid > _OWNER_MAX:
        yield b"uid", b"%d" % meta.uid
    if meta.gid > _OWNER_MAX:
        yield b"gid", b"%d" % meta.gid
    yield from _time_records(meta)
    for key, value in meta.xattrs:
        # GNU tar's xattr_encode_keyword: a "=" would end the key
        yield b"SCHILY.xattr." + key.replace(b"%", b"%25").replace(b"=", b"%3D"), value
        if key in _ACLS and (text := acl_to_text(value)):
            yield _ACLS[key], text  # GNU tar looks for ACLs nowhere else


def _time_records(meta: Metadata) -> Iterator[Record]:
    if meta.mtime_ns % 1_000_000_000 or not 0 <= meta.mtime_ns // 1_000_000_000 <= _TIME_MAX:
        yield b"mtime", _time(meta.mtime_ns)
    if meta.atime_ns is not None:
        yield b"atime", _time(meta.atime_ns)
    if meta.ctime_ns is not None:
        yield b"ctime", _time(meta.ctime_ns)
    if meta.crtime_ns is not None:
        yield b"LIBARCHIVE.creationtime", _time(meta.crtime_ns)


def _packed(key: bytes, value: bytes) -> bytes:
    """Pack "length key=value"; the length counts its own digits."""
    rest = len(key) + len(value) + 3
    size = rest + len(str(rest))
    if rest + len(str(size)) != size:
        size = rest + len(str(size))
    return b"%d %b=%b\n" % (size, key, value)


def _time(time_ns: int) -> bytes:
    sign = b"-" if time_ns < 0 else b""
    seconds, nanoseconds = divmod(abs(time_ns), 1_000_000_000)
    fraction = b".%09d" % nanoseconds if nanoseconds else b""
    return sign + b"%d" % seconds + fraction


def _header(
    name: bytes,
    typeflag: bytes,
    size: int,
    meta: Metadata,
    *,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """Pack a ustar header; numbers that don't fit are zero: an extended header has them.

    Empty: uname and gname, because only the numbers count; prefix, because `path` has long names.
    """
    seconds = meta.mtime_ns // 1_000_000_000
    head = b"".join(
        (
            name[:_NAME_BYTES].ljust(100, b"\0"),
            b"%07o\0" % meta.mode,
            b"%07o\0" % (meta.uid if meta.uid <= _OWNER_MAX else 0),
            b"%07o\0" % (meta.gid if meta.gid <= _OWNER_MAX else 0),
            b"%011o\0" % (size if size <= _SIZE_MAX else 0),
            b"%011o\0" % (seconds if 0 <= seconds <= _TIME_MAX else 0),
            b" " * 8,
            typeflag,
            link[:_NAME_BYTES].ljust(100, b"\0"),
            b"ustar\x0000",
            bytes(64),
            b"%07o\0%07o\0" % device,
        )
    ).ljust(BLOCK, b"\0")
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def _content(path: bytes, file: File) -> Iterator[bytes]:
    left = file.size
    with open_content(file) as stream:
        while left:
            data = stream.read(min(left, _COPY_BYTES))
            if not data:
                raise OutputError(path, f"content is {left} bytes short of its size: {file.size}")
            left -= len(data)
            yield data
    yield bytes(-file.size % BLOCK)
