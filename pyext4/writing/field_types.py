"""The types of options and of a tree's fields, for errors that name the path and the field.

A wrong type in a tree shows up where the value is first used, deep inside, as one of Python's
errors. Only then is each node checked: checking every tree would cost as much as numbering it.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Final
from uuid import UUID

from pyext4.options import Options, VerityOptions
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree

__all__ = ["WRONG_TYPE", "check_options", "check_tree", "check_whole_tree"]

WRONG_TYPE: Final = (TypeError, AttributeError, AssertionError, struct.error)
"""The errors that using a value of a wrong type ends in."""

_KINDS: Final = frozenset({Device, Directory, Fifo, File, Socket, Symlink})
_NUMBERS: Final = ("mode", "uid", "gid", "mtime_ns")
_TIMES: Final = ("atime_ns", "ctime_ns", "crtime_ns")  # these may be None
_NONE: Final = type(None)

_OPTIONS: Final[dict[str, tuple[str, tuple[type, ...]]]] = {
    "size_bytes": ("int or None", (int, _NONE)),
    "smallest": ("bool", (bool,)),
    "free_bytes": ("int or None", (int, _NONE)),
    "label": ("bytes", (bytes,)),
    "uuid": ("UUID or None", (UUID, _NONE)),
    "hash_seed": ("UUID or None", (UUID, _NONE)),
    "timestamp": ("int", (int,)),
    "profile": ("str", (str,)),
    "features": ("tuple of str", (tuple, list)),
    "block_size_bytes": ("int", (int,)),
    "inodes": ("int or None", (int, _NONE)),
    "bytes_per_inode": ("int or None", (int, _NONE)),
    "journal_bytes": ("int or None", (int, _NONE)),
    "reserved_percent": ("float", (float, int)),
    "hash_version": ("str", (str,)),
    "verity": ("VerityOptions or None", (VerityOptions, _NONE)),
}


def check_options(options: Options) -> None:
    """Check every option; raises a TypeError that names the field."""
    if not isinstance(options, Options):
        raise _wrong("options", "Options", options)
    for name, (expected, types) in _OPTIONS.items():
        value = getattr(options, name)
        if not isinstance(value, types):
            raise _wrong(f"options: {name}", expected, value)
    for name in options.features:
        if not isinstance(name, str):
            raise _wrong("options: features", "tuple of str", name)


def check_tree(tree: Tree) -> None:
    """Check what every use of a tree needs: that it is one, and has a root directory."""
    if not isinstance(tree, Tree):
        raise _wrong("tree", "Tree", tree)
    if type(tree.root) is not Directory:
        raise _wrong("/", "Directory", tree.root)


def check_whole_tree(tree: Tree) -> None:
    """Check each name and node, for the message; raises nothing if all are right.

    It doesn't use `Tree.walk`, which sorts names: names of several types can't be sorted.
    """
    check_tree(tree)
    stack: list[tuple[str, object]] = [("/", tree.root)]
    met: set[int] = set()
    while stack:
        path, node = stack.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        found = _wrong_kind(node) or _wrong_meta(node) or _wrong_node(node)
        if found is not None:
            field, expected, value = found
            raise _wrong(f"{path}: {field}" if field else path, expected, value)
        if not isinstance(node, Directory):
            continue
        if not isinstance(node.children, dict):
            raise _wrong(f"{path}: children", "dict", node.children)
        prefix = path.rstrip("/") + "/"
        for name, child in node.children.items():
            if not isinstance(name, bytes):
                raise _wrong(f"{prefix}{name}: name", "bytes", name)
            stack.append((prefix + name.decode(errors="backslashreplace"), child))


def _wrong_kind(node: object) -> tuple[str, str, object] | None:
    if type(node) in _KINDS:
        return None
    return "", "Directory, File, Symlink, Device, Fifo or Socket", node


def _wrong_meta(node: object) -> tuple[str, str, object] | None:
    meta = getattr(node, "meta", None)
    if type(meta) is not Metadata:
        return "meta", "Metadata", meta
    for field in (*_NUMBERS, *_TIMES):
        value = getattr(meta, field)
        optional = field in _TIMES
        if not (_is_number(type(value)) or (optional and value is None)):
            return field, "int or None" if optional else "int", value
    if not isinstance(meta.xattrs, tuple):
        return "xattrs", "tuple of (bytes, bytes)", meta.xattrs
    for pair in meta.xattrs:
        if not _is_pair(pair):
            return "xattrs", "(bytes, bytes)", pair
    return None


def _wrong_node(node: object) -> tuple[str, str, object] | None:
    """Check the fields that only one kind of node has."""
    if isinstance(node, File):
        if not _is_number(type(node.size)):
            return "size", "int", node.size
        if not _is_content(type(node.content)):
            return "content", "bytes, Path, something with open(size) or a function", node.content
    if isinstance(node, Symlink) and not isinstance(node.target, bytes):
        return "target", "bytes", node.target
    if isinstance(node, Device):
        for field in ("kind", "major", "minor"):
            if not _is_number(type(getattr(node, field))):
                return field, "int", getattr(node, field)
    return None


def _is_number(kind: type) -> bool:
    return hasattr(kind, "__index__")  # what struct accepts, such as other libraries' integers


def _is_content(kind: type) -> bool:
    if issubclass(kind, (bytes, Path)):
        return True
    if issubclass(kind, io.IOBase):  # it can be read only once
        return False
    return hasattr(kind, "open") or any("__call__" in vars(each) for each in kind.__mro__)


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(half, bytes) for half in pair)
    )


def _wrong(where: str, expected: str, value: object) -> TypeError:
    return TypeError(f"{where}: must be {expected}, not {type(value).__name__}: {value!r:.60}")
