"""Layers made from bytes: members by hand, so that a tar can hold what no tool writes."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = [
    "MemoryLayer",
    "block",
    "char",
    "directory",
    "fifo",
    "file",
    "hardlink",
    "layer",
    "member",
    "opaque",
    "pax",
    "record",
    "symlink",
    "tar",
    "whiteout",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLayer:
    """A layer whose blob is in memory."""

    blob: bytes
    diff_id: str | None = None
    media_type: str = ""
    opened: list[io.BytesIO] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.blob).hexdigest()

    def open(self) -> BinaryIO:
        stream = io.BytesIO(self.blob)
        self.opened.append(stream)
        return stream


def octal(value: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, value)


def record(key: bytes, value: bytes) -> bytes:
    """One PAX record; its length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    size = len(rest)
    while len(str(size)) + len(rest) != size:
        size = len(str(size)) + len(rest)
    return str(size).encode() + rest


def member(
    name: bytes,
    typeflag: bytes = b"0",
    data: bytes = b"",
    *,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    size: int | None = None,
    mtime: int = 0,
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    device: tuple[int, int] = (0, 0),
    prefix: bytes = b"",
    extra: dict[int, bytes] | None = None,
    padded: bool = True,
) -> bytes:
    """A header with a right checksum, and its payload; `extra` overwrites bytes at offsets."""
    head = bytearray(512)
    fields = {
        0: name[:100],
        100: octal(mode, 8),
        108: octal(uid, 8),
        116: octal(gid, 8),
        124: octal(len(data) if size is None else size, 12),
        136: octal(mtime, 12),
        148: b"        ",
        156: typeflag,
        157: link[:100],
        257: magic,
        329: octal(device[0], 8),
        337: octal(device[1], 8),
        345: prefix,
        **(extra or {}),
    }
    for at, text in fields.items():
        head[at : at + len(text)] = text
    head[148:156] = b"%06o\0 " % sum(head)
    padding = bytes(-len(data) % 512) if padded else b""
    return bytes(head) + data + padding


def pax(*records: tuple[bytes, bytes], typeflag: bytes = b"x") -> bytes:
    """An extended header of records."""
    return member(b"pax", typeflag, b"".join(record(*each) for each in records))


def file(name: bytes, data: bytes = b"", **fields: int) -> bytes:
    return member(name, b"0", data, **fields)  # type: ignore[arg-type]


def directory(name: bytes, mode: int = 0o755, **fields: int) -> bytes:
    return member(name, b"5", mode=mode, **fields)  # type: ignore[arg-type]


def symlink(name: bytes, target: bytes) -> bytes:
    return member(name, b"2", link=target, mode=0o777)


def hardlink(name: bytes, target: bytes, **fields: int) -> bytes:
    return member(name, b"1", link=target, **fields)  # type: ignore[arg-type]


def char(name: bytes, major: int, minor: int) -> bytes:
    return member(name, b"3", device=(major, minor))


def block(name: bytes, major: int, minor: int) -> bytes:
    return member(name, b"4", device=(major, minor))


def fifo(name: bytes) -> bytes:
    return member(name, b"6")


def whiteout(path: bytes) -> bytes:
    parent, slash, name = path.rpartition(b"/")
    return file(parent + slash + b".wh." + name)


def opaque(path: bytes) -> bytes:
    return file(path + b"/.wh..wh..opq" if path else b".wh..wh..opq")


def tar(members: Iterable[bytes]) -> bytes:
    return b"".join(members) + bytes(1024)


def layer(*members: bytes) -> MemoryLayer:
    """A gzip layer with its diff_id."""
    content = tar(members)
    diff_id = "sha256:" + hashlib.sha256(content).hexdigest()
    return MemoryLayer(blob=gzip.compress(content, 1, mtime=0), diff_id=diff_id)
