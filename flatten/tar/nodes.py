"""The types of tar members, and the nodes of those that have no content."""

from __future__ import annotations

import stat
from typing import Final

from flatten.errors import EntryError
from flatten.tar.rows import Row
from pyext4.tree import Device, Fifo, Metadata, Node, Symlink

__all__ = [
    "BLOCK",
    "CHARACTER",
    "DIRECTORY",
    "FIFO",
    "GNU_SPARSE",
    "LINK",
    "REFUSED_TYPES",
    "REGULAR",
    "SYMLINK",
    "VOLUME_LABEL",
    "special_node",
]

REGULAR, LINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO = b"0123456"
GNU_SPARSE = ord("S")
VOLUME_LABEL = ord("V")  # names the archive, not a file: the only type that is left out
REFUSED_TYPES: Final = {
    ord("M"): "continues a file from another volume of a multi-volume archive",
    ord("D"): "is a directory of a GNU incremental dump",
    ord("N"): "is an old GNU long-name member",
    ord("A"): "is a Solaris ACL",
}

TARGET_MAX = 4095  # PATH_MAX, include/uapi/linux/limits.h, without its NUL
MAJOR_MAX, MINOR_MAX = (1 << 12) - 1, (1 << 20) - 1  # MINORBITS, include/linux/kdev_t.h


def special_node(typeflag: int, meta: Metadata, row: Row, target: bytes) -> Node:
    """Make the symbolic link, device or fifo that `row` describes.

    Raises:
        EntryError: it can't be, or its type is none that a layer may have.
    """
    if typeflag == SYMLINK:
        return _symlink(meta, target)
    if typeflag in (CHARACTER, BLOCK):
        return _device(typeflag, meta, row)
    if typeflag == FIFO:
        return Fifo(meta)
    msg = REFUSED_TYPES.get(typeflag, f"has an unknown type: {chr(typeflag)!a}")
    raise EntryError(msg)


def _symlink(meta: Metadata, target: bytes) -> Symlink:
    if not target:
        msg = "symbolic link has no target"
        raise EntryError(msg)
    if len(target) > TARGET_MAX:
        msg = f"symbolic link's target is longer than {TARGET_MAX} bytes: {len(target)}"
        raise EntryError(msg)
    return Symlink(meta, target)


def _device(typeflag: int, meta: Metadata, row: Row) -> Device:
    if row.devmajor > MAJOR_MAX or row.devminor > MINOR_MAX:
        msg = f"device number is out of range: {row.devmajor}:{row.devminor}"
        raise EntryError(msg)
    kind = stat.S_IFCHR if typeflag == CHARACTER else stat.S_IFBLK
    return Device(meta, kind, row.devmajor, row.devminor)
