"""Extract files from an image onto the host.

Every file is created new, in a directory that was empty before, under a parent that this run
created itself, so no symbolic link of the image can lead a write out of the target. Directories
get their attributes last, because creating a file in one changes its time and its mode may not
allow it.

As root everything is restored. Other users can't give files away or make devices: what is left
out is counted and reported.
"""

# Names in an image are bytes that no pathlib path can hold.
# ruff: noqa: PTH101, PTH102, PTH211

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from pyext4.errors import DamagedError, PathError
from pyext4.numbers import MAX_32
from pyext4.reader import Ext4Reader, Inode

__all__ = ["Extracted", "extract"]

_COPY_BYTES: Final = 1 << 20
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ID: Final = MAX_32  # chown(2) takes it for "as it is"
_FOR_ROOT_ONLY: Final = (errno.EPERM, errno.EACCES, errno.ENOTSUP)


@dataclass(slots=True)
class Extracted:
    """The outcome: files made, and what was left out, counted by kind."""

    made: int = 0
    copied_bytes: int = 0  # of files, without their holes
    left_out: Counter[str] = field(default_factory=Counter)


def extract(reader: Ext4Reader, target: Path, *, as_root: bool) -> Extracted:
    """Write everything below the image's root into `target`, which must be missing or empty.

    Raises:
        PathError: `target` isn't empty.
        OSError: the host refuses something that doesn't take root.
        DamagedError: something in the image is damaged.
    """
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise PathError(os.fsencode(target), "is not empty")
    base = os.fsencode(target.absolute())
    done = Extracted()
    first_paths: dict[int, bytes] = {}  # of inodes with more than one name
    directories: list[tuple[bytes, Inode]] = []
    for path, node in reader.walk():
        place = base + path
        if node.ino in first_paths:
            os.link(first_paths[node.ino], place, follow_symlinks=False)
            done.made += 1
            continue
        if stat.S_ISDIR(node.mode):
            if path != b"/":
                os.mkdir(place, 0o700)
            directories.append((place, node))
        elif _make(reader, node, place, done, as_root=as_root):
            _dress(reader, node, place, done, as_root=as_root)
        else:
            continue
        done.made += 1
        if node.links > 1 and not stat.S_ISDIR(node.mode):
            first_paths[node.ino] = place
    for place, node in reversed(directories):
        _dress(reader, node, place, done, as_root=as_root)
    return done


def _make(reader: Ext4Reader, node: Inode, place: bytes, done: Extracted, *, as_root: bool) -> bool:
    """Make anything but a directory; return False if only root can."""
    if stat.S_ISREG(node.mode):
        with os.fdopen(os.open(place, _NEW_FILE, 0o600), "wb") as file:
            _copy(reader, node, file, done)
    elif stat.S_ISLNK(node.mode):
        os.symlink(reader.readlink(node), place)
    elif stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode):
        if not as_root:
            done.left_out["devices"] += 1
            return False
        os.mknod(place, node.kind | 0o600, os.makedev(*node.device))
    else:
        os.mknod(place, node.kind | 0o600)
    return True


def _copy(reader: Ext4Reader, node: Inode, file: BinaryIO, done: Extracted) -> None:
    """Copy a file's bytes and keep its holes."""
    layout = reader.layout
    most = layout.blocks_count * layout.block_size
    with reader.open(node) as content:
        for offset, length in reader.segments(node):
            done.copied_bytes += length
            if done.copied_bytes > most and "shared_blocks" not in layout.features:
                # each block has one user: a damaged image could fill the disk
                raise DamagedError("inode", node.ino, "files share blocks and exceed the image")
            content.seek(offset)
            file.seek(offset)
            left = length
            while left:
                chunk = content.read(min(left, _COPY_BYTES))
                file.write(chunk)
                left -= len(chunk)
    file.truncate(node.size)


def _dress(
    reader: Ext4Reader, node: Inode, place: bytes, done: Extracted, *, as_root: bool
) -> None:
    """Restore owner, attributes, mode and times, in this order.

    A change of owner drops setuid bits and capabilities, the mode may forbid setting attributes,
    and everything changes times.
    """
    if max(node.uid, node.gid) >= _NO_ID:
        raise DamagedError("inode", node.ino, f"impossible owner: {node.uid}:{node.gid}")
    if as_root:
        os.chown(place, node.uid, node.gid, follow_symlinks=False)
    elif (node.uid, node.gid) != (os.geteuid(), os.getegid()):
        done.left_out["owners"] += 1
    for name, value in reader.xattrs(node):
        try:
            os.setxattr(place, name, value, follow_symlinks=False)
        except OSError as error:
            if as_root or error.errno not in _FOR_ROOT_ONLY:
                raise
            namespace = name.partition(b".")[0].decode(errors="backslashreplace")
            done.left_out[f"{namespace} attributes"] += 1
    if not stat.S_ISLNK(node.mode):
        os.chmod(place, stat.S_IMODE(node.mode))
    os.utime(place, ns=(node.atime_ns, node.mtime_ns), follow_symlinks=False)
