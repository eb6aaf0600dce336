"""Where runs happen: an XFS for as long as it is needed, and how much of a filesystem is in use."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["file_bytes", "missing_for_xfs", "type_of", "used_bytes", "xfs"]

PROGRAMS = ("mkfs.xfs", "losetup", "mount", "umount")
SETTLING_SECONDS, SETTLING_TRIES = 0.5, 120


def missing_for_xfs() -> list[str]:
    """Return what `xfs` takes and this process lacks."""
    root = ["root"] if os.geteuid() != 0 else []
    return root + [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def xfs(directory: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a new XFS whose files can share blocks; it goes when the block ends.

    It is a file in `directory`. The loop device passes the page cache by, so that what is written
    to XFS with O_DIRECT is not copied either.
    """
    disk, place = directory / "xfs.img", directory / "xfs"
    _remove(disk, place)  # what one left who was killed
    place.mkdir(parents=True)
    try:
        with disk.open("wb") as file:
            file.truncate(size_bytes)
        _run("mkfs.xfs", "-q", "-m", "reflink=1", str(disk))
        device = _run("losetup", "--find", "--show", "--direct-io=on", str(disk)).strip()
        try:
            _run("mount", "-t", "xfs", device, str(place))
        finally:
            _run("losetup", "--detach", device)  # it goes when nothing is mounted from it
        yield place
    finally:
        _remove(disk, place)


def used_bytes(path: Path) -> int:
    """Count what the filesystem of `path` has in use, when that no longer changes.

    XFS frees the blocks of removed files in the background.
    """
    used = -1
    for _ in range(SETTLING_TRIES):
        os.sync()
        facts = os.statvfs(path)
        before, used = used, (facts.f_blocks - facts.f_bfree) * facts.f_frsize
        if used == before:
            return used
        time.sleep(SETTLING_SECONDS)
    message = f"what is in use goes on changing: {path}"
    raise TimeoutError(message)


def file_bytes(image: Path) -> int:
    """Count what the regular files in an ext4 image occupy there, as Linux says; needs root."""
    with tempfile.TemporaryDirectory() as place:
        _run("mount", "-t", "ext4", "-o", "loop,ro", str(image), place)
        try:
            occupied = {}  # a file with several names counts once
            for folder, _, names in os.walk(place):
                for name in names:
                    status = Path(folder, name).lstat()
                    if stat.S_ISREG(status.st_mode):
                        occupied[status.st_ino] = status.st_blocks * 512
            return sum(occupied.values())
        finally:
            _run("umount", place)


def type_of(path: Path) -> str:
    """Return the name of the filesystem that `path` is on."""
    return _run("df", "--output=fstype", str(path)).split()[-1]


def _remove(disk: Path, place: Path) -> None:
    if place.is_mount():
        _run("umount", "--lazy", str(place))  # even if a process lives on that has a file open
    if place.exists():
        place.rmdir()
    disk.unlink(missing_ok=True)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
