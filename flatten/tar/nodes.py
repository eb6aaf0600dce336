"""The nodes of tar members that have no content."""

from __future__ import annotations

import stat
from typing import Final

from flatten.errors import EntryError
from flatten.tar.entries import Entry
from flatten.tar.typeflags import BLOCK, CHARACTER, FIFO, SYMLINK
from pyext4.tree import Device, Fifo, Node, Symlink

__all__ = ["REFUSED_TYPES", "special_node"]

REFUSED_TYPES: Final = {
    ord("M"): "continues a file from another volume of a multi-volume archive",
    ord("D"): "is a directory of a GNU incremental dump",
    ord("N"): "is an old GNU long-name member",
    ord("A"): "is a Solaris ACL",
}

TARGET_MAX = 4095  # PATH_MAX, include/uapi/linux/limits.h, without its NUL
MAJOR_MAX, MINOR_MAX = (1 << 12) - 1, (1 << 20) - 1  # MINORBITS, include/linux/kdev_t.h


def special_node(entry: Entry) -> Node:
    """Make the symbolic link, device or fifo that `entry` describes.

    Raises:
        EntryError: it isn't valid, or its type isn't one that a layer may have.
    """
    if entry.typeflag == SYMLINK:
        return _symlink(entry)
    if entry.typeflag in (CHARACTER, BLOCK):
        return _device(entry)
    if entry.typeflag == FIFO:
        return Fifo(entry.meta)
    msg = REFUSED_TYPES.get(entry.typeflag, f"has an unknown type: {chr(entry.typeflag)!a}")
    raise EntryError(msg)


def _symlink(entry: Entry) -> Symlink:
    if not entry.link:
        msg = "symbolic link has no target"
        raise EntryError(msg)
    if len(entry.link) > TARGET_MAX:
        msg = f"symbolic link's target is longer than {TARGET_MAX} bytes: {len(entry.link)}"
        raise EntryError(msg)
    return Symlink(entry.meta, entry.link)


def _device(entry: Entry) -> Device:
    if entry.major > MAJOR_MAX or entry.minor > MINOR_MAX:
        msg = f"device number is out of range: {entry.major}:{entry.minor}"
        raise EntryError(msg)
    kind = stat.S_IFCHR if entry.typeflag == CHARACTER else stat.S_IFBLK
    return Device(entry.meta, kind, entry.major, entry.minor)
