"""What a directory tree holds, fact by fact, and where two trees differ.

`snapshot(root)` looks at every path with lstat, readlink, listxattr and a hash of the content;
`differences(a, b)` names path and fact. Both sides are read through the kernel, so a snapshot of a
mounted image is the kernel's word on it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

__all__ = ["Facts", "differences", "snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that one path is; None where its type has no such thing."""

    kind: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size_bytes: int | None  # a directory's size is its filesystem's business
    links: int | None  # likewise its link count
    same_file_as: str | None  # the first path in sorted order that is the same inode
    device: tuple[int, int] | None
    target: str | None
    xattrs: tuple[tuple[str, bytes], ...]
    sha256: str | None


KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def snapshot(root: Path) -> dict[str, Facts]:
    """Describe every path below `root`, the root as `.`; lost+found is no part of a tree."""
    first_names: dict[int, str] = {}
    found = {}
    for name in sorted(_names(root)):
        found[name] = _facts(root / name, name, first_names)
    return found


def differences(
    expected: Mapping[str, Facts], actual: Mapping[str, Facts], ignore: frozenset[str] = frozenset()
) -> list[str]:
    """Describe each path that one side lacks and each fact that differs, one line apiece."""
    lines = [f"{name}: missing" for name in sorted(expected.keys() - actual.keys())]
    lines += [f"{name}: not expected" for name in sorted(actual.keys() - expected.keys())]
    names = [field.name for field in fields(Facts) if field.name not in ignore]
    for path in sorted(expected.keys() & actual.keys()):
        for name in names:
            wanted, got = getattr(expected[path], name), getattr(actual[path], name)
            if wanted != got:
                lines.append(f"{path}: {name}: expected {wanted!r}, is {got!r}")
    return lines


def _names(root: Path) -> Iterator[str]:
    yield "."
    for folder, directories, others in os.walk(root):
        if Path(folder) == root and "lost+found" in directories:
            directories.remove("lost+found")
        for name in directories + others:
            yield str((Path(folder) / name).relative_to(root))


def _facts(path: Path, name: str, first_names: dict[int, str]) -> Facts:
    found = path.lstat()
    kind = stat.S_IFMT(found.st_mode)
    is_directory, is_device = kind == stat.S_IFDIR, kind in (stat.S_IFCHR, stat.S_IFBLK)
    return Facts(
        kind=KINDS[kind],
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        mtime_ns=found.st_mtime_ns,
        size_bytes=None if is_directory else found.st_size,
        links=None if is_directory else found.st_nlink,
        same_file_as=None if is_directory else first_names.setdefault(found.st_ino, name),
        device=(os.major(found.st_rdev), os.minor(found.st_rdev)) if is_device else None,
        target=str(path.readlink()) if kind == stat.S_IFLNK else None,
        xattrs=tuple(
            (key, os.getxattr(path, key, follow_symlinks=False))
            for key in sorted(os.listxattr(path, follow_symlinks=False))
        ),
        sha256=_sha256(path) if kind == stat.S_IFREG else None,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
