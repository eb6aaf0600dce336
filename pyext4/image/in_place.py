"""A range of something that is there already: a file, a partition of a disk image, a block device.

Nothing before the range is touched, nor behind it. Blocks that are never written must read as zero,
so the whole range is erased first.
"""

from __future__ import annotations

import fcntl
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from pyext4.errors import OptionsError, size_in_words
from pyext4.image.erasure import erase

__all__ = ["InPlace", "Opened", "Target", "bytes_behind", "check_offset"]


class Opened(Protocol):
    """A file that is open for reading and writing, such as `open(path, "r+b")` returns."""

    def fileno(self) -> int:
        """Return the descriptor."""
        ...

    def flush(self) -> None:
        """Write what was kept back."""
        ...


Target: TypeAlias = Path | str | Opened | int
"""A path, an open file, or a descriptor."""

_SECTOR_BYTES: Final = 512  # what partitions are counted in, and loop devices


def check_offset(offset: int) -> None:
    """Refuse an offset where no partition begins, and no loop device could."""
    if not isinstance(offset, int):
        msg = f"offset: must be int or None, not {type(offset).__name__}: {offset!r:.60}"
        raise TypeError(msg)
    if not 0 <= offset < 1 << 62 or offset % _SECTOR_BYTES:
        reason = f"must be a multiple of {_SECTOR_BYTES}, 0 or more, not: {offset}"
        raise OptionsError("offset", reason)


def bytes_behind(target: Target, offset: int) -> int:
    """Return how many bytes the target has from the offset on.

    Raises:
        OptionsError: it can't be written to.
        OSError: it can't be opened.
    """
    with _open_for_a_while(target) as fd:
        return max(_end(fd) - offset, 0)


class InPlace:
    """The range that an image is written to; the same methods as `Output`."""

    def __init__(self, target: Target, offset: int, size_bytes: int | None) -> None:
        """Open the target, and erase so many bytes; None: nothing is behind the offset.

        Raises:
            OptionsError: the target can't be written to, or has no room.
            OSError: it can't be opened or erased.
        """
        self.offset = offset
        self._can_grow = False
        self._end = 0  # of the target, before anything was written
        self._owns = isinstance(target, Path | str)
        self._is_published = False
        self.fd = _descriptor(target)
        try:
            self._can_grow = stat.S_ISREG(os.fstat(self.fd).st_mode)
            self._end = _end(self.fd)
            self._make_room(size_bytes or 0)
        except BaseException:
            self.close()
            raise

    def _make_room(self, size_bytes: int) -> None:
        behind = self.offset + size_bytes
        if behind > self._end and not self._can_grow:
            reason = (
                f"{size_in_words(size_bytes)} from offset {self.offset} reach behind the target's"
                f" end at: {self._end}"
            )
            raise OptionsError("size", reason)
        erase(self.fd, self.offset, min(behind, self._end) - self.offset)

    @property
    def path(self) -> Path:
        """What the file was opened as, as far as the system knows."""
        return Path(f"/proc/self/fd/{self.fd}").readlink()

    def publish(self, size_bytes: int, synced: Callable[[], None]) -> None:
        """Let the file be long enough, sync it, and call `synced`."""
        behind = self.offset + size_bytes
        if self._can_grow and self._end < behind:
            os.ftruncate(self.fd, behind)
        os.fsync(self.fd)
        synced()
        self._is_published = True

    def close(self) -> None:
        """Close what was opened here; a file that grew in vain gets its length back."""
        fd, self.fd = self.fd, -1  # first: a signal may come in between, and close it again
        if fd < 0:
            return
        if not self._is_published:
            with suppress(OSError):  # another error is on its way
                self._shrink(fd)
        if self._owns:
            os.close(fd)

    def _shrink(self, fd: int) -> None:
        if self._can_grow and _end(fd) > self._end:
            os.ftruncate(fd, self._end)


@contextmanager
def _open_for_a_while(target: Target) -> Iterator[int]:
    fd = _descriptor(target)
    try:
        yield fd
    finally:
        if isinstance(target, Path | str):
            os.close(fd)


def _descriptor(target: Target) -> int:
    """Return a descriptor to read and write: of what is open, or of the path's file, opened."""
    if isinstance(target, Path | str):
        return _open(target)
    if isinstance(target, io.TextIOBase):
        msg = f"target: must be open in binary mode, not {type(target).__name__}"
        raise TypeError(msg)
    if isinstance(target, int):
        fd = target
    else:
        try:
            target.flush()  # what is in its buffer came before
            fd = target.fileno()
        except ValueError as error:  # of a closed file, and of one that is none
            raise OptionsError("target", f"has no descriptor: {error}") from error
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    if flags & os.O_ACCMODE != os.O_RDWR or flags & os.O_APPEND:
        raise OptionsError("target", "must be open for reading and writing, not for appending")
    _check_kind(fd)
    return fd


def _open(path: Path | str) -> int:
    """Open a file for changing; of a device nobody else may have a filesystem mounted."""
    flags = os.O_RDWR | os.O_CLOEXEC
    if stat.S_ISBLK(Path(path).stat().st_mode):
        flags |= os.O_EXCL  # open(2): EBUSY
    fd = os.open(path, flags)
    try:
        _check_kind(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check_kind(fd: int) -> None:
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):
        raise OptionsError("target", "must be a regular file or a block device")


def _end(fd: int) -> int:
    """Return where a file or a device ends; leaves its position alone."""
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        return status.st_size
    position = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.lseek(fd, position, os.SEEK_SET)
