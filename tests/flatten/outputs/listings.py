"""Trees as small dictionaries of text, for writing case tables and for reading directories.

`file 1 | mode=600 uid=5` is a file holding `1`; the defaults are 0644 (0755 for directories, 0777
for symbolic links), 0:0, time 0 and no xattrs. `= a` is another name of `a`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from pyext4.content import open_content
from pyext4.tree import Device, Directory, Fifo, File, Node, Symlink, Tree

__all__ = ["listing", "listing_of_directory"]

DEFAULT_MODES = {"dir": 0o755, "->": 0o777}


def listing(tree: Tree) -> dict[str, str]:
    """Describe every path; several names of a node all name the first. The root is `.`."""
    first: dict[Node, str] = {}
    lines: dict[str, str] = {}
    for path, node in tree.walk():
        name = path[1:].decode("latin-1") or "."
        if node in first:
            lines[name] = "= " + first[node]
        else:
            first[node] = name
            lines[name] = _node(node)
    return without_plain_root(lines)


def without_plain_root(lines: dict[str, str]) -> dict[str, str]:
    if lines["."] == "dir":
        del lines["."]
    return lines


def _node(node: Node) -> str:
    match node:
        case Directory():
            what = "dir"
        case File():
            with open_content(node) as stream:
                content = stream.read()
            assert len(content) == node.size
            what = "file " + content.decode("latin-1")
        case Symlink():
            what = "-> " + node.target.decode("latin-1")
        case Device():
            what = f"{'char' if node.kind == stat.S_IFCHR else 'block'} {node.major}:{node.minor}"
        case Fifo():
            what = "fifo"
        case _:
            raise TypeError(node)
    meta = node.meta
    return _line(what, meta.mode, (meta.uid, meta.gid), meta.mtime_ns, meta.xattrs)


def _line(
    what: str,
    mode: int,
    owner: tuple[int, int],
    mtime_ns: int | None,
    xattrs: Iterable[tuple[bytes, bytes]],
) -> str:
    words = []
    if mode != DEFAULT_MODES.get(what.partition(" ")[0], 0o644):
        words.append(f"mode={mode:o}")
    words += [f"{key}={value}" for key, value in zip(("uid", "gid"), owner, strict=True) if value]
    if mtime_ns:
        seconds, nanoseconds = divmod(mtime_ns, 1_000_000_000)
        words.append(f"mtime={seconds}.{nanoseconds:09}".rstrip("0").rstrip("."))
    words += [f"{key.decode('latin-1')}={value.decode('latin-1')}" for key, value in xattrs]
    return f"{what} | {' '.join(words)}" if words else what


def listing_of_directory(top: Path, *, times_of: frozenset[str]) -> dict[str, str]:
    """Describe a directory of the host in the same words; times only of the paths named.

    Nobody says what time a directory has that no entry describes, so only some are comparable.
    """
    root = os.fsencode(top)
    found = [root]
    for directory, directories, files in os.walk(root):
        found += [os.path.join(directory, name) for name in directories + files]
    first: dict[int, str] = {}
    lines: dict[str, str] = {}
    for path in sorted(found, key=lambda path: path.split(b"/")):
        status = os.lstat(path)
        name = path[len(root) + 1 :].decode("latin-1") or "."
        if not stat.S_ISDIR(status.st_mode) and status.st_ino in first:
            lines[name] = "= " + first[status.st_ino]
            continue
        first[status.st_ino] = name
        time = status.st_mtime_ns if name in times_of else None
        xattrs = [
            (os.fsencode(key), os.getxattr(path, key, follow_symlinks=False))
            for key in sorted(os.listxattr(path, follow_symlinks=False))
        ]
        mode = stat.S_IMODE(status.st_mode)
        lines[name] = _line(
            _host_node(path, status), mode, (status.st_uid, status.st_gid), time, xattrs
        )
    return without_plain_root(lines)


def _host_node(path: bytes, status: os.stat_result) -> str:
    device = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    match stat.S_IFMT(status.st_mode):
        case stat.S_IFDIR:
            return "dir"
        case stat.S_IFREG:
            return "file " + Path(os.fsdecode(path)).read_bytes().decode("latin-1")
        case stat.S_IFLNK:
            return "-> " + os.readlink(path).decode("latin-1")
        case stat.S_IFCHR:
            return f"char {device}"
        case stat.S_IFBLK:
            return f"block {device}"
        case _:
            return "fifo"
