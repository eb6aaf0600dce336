"""Checkpoints in the cache: the state of an image after some of its layers, and its data.

    checkpoints/<key>.data     file data as it is in the image, often sharing its blocks
    checkpoints/<key>.state    tree, allocator, checksums of the data; see `pyext4.checkpoint`
    checkpoints/<key>.met      no checkpoint yet, but these layers were seen once
    partial/checkpoint-<key>.state, .data      while it is made

The state is written last, and says which file the data is: its inode, size and times. A file with
others was restored from somewhere, or changed, and is read whole before it is used. Of one that is
as it was left some pieces are read. Who makes a checkpoint holds a lock on its partial state.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from pull.cache.cache import Cache
from pyext4.checkpoint import State, StateError, load
from pyext4.checkpoint.data import is_sound

__all__ = ["Checkpoint", "Checkpoints", "Making"]

_SAMPLES: Final = 4
_SAMPLE_BYTES: Final = 1 << 20  # of each; larger pieces are not read for a sample
_FILE_FACTS: Final = ("st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")


class Checkpoint:
    """One that can be used; closes its data when the block ends."""

    def __init__(self, state: State, data_fd: int) -> None:
        self.state = state
        self.data_fd = data_fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.data_fd)


class Making:
    """A checkpoint that is being made: write to `data_fd`, then `finish`."""

    def __init__(
        self, place: Checkpoints, key: str, *, state_fd: int, data: Path, data_fd: int
    ) -> None:
        self.data_fd = data_fd
        self._data = data
        self._place = place
        self._key = key
        self._state_fd = state_fd

    def facts(self) -> dict[str, int]:
        """Sync the data and give it its name; return what the state must say of it.

        Raises:
            OSError: that failed.
        """
        os.fsync(self.data_fd)
        self._data.replace(self._place.path(self._key, "data"))
        return _facts(self.data_fd)

    def finish(self, state: bytes) -> None:
        """Write the state, and make the checkpoint one that others find.

        Raises:
            OSError: that failed.
        """
        view = memoryview(state)
        while view:
            view = view[os.write(self._state_fd, view) :]
        os.fsync(self._state_fd)
        self._place.partial(self._key, "state").replace(self._place.path(self._key, "state"))
        self._place.path(self._key, "met").unlink(missing_ok=True)
        directory = os.open(self._place.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class Checkpoints:
    """The checkpoints of a cache; a key names layers, and what else the data depends on."""

    def __init__(self, cache: Cache) -> None:
        self.directory = cache.directory / "checkpoints"
        self._partial = cache.directory / "partial"

    def path(self, key: str, part: str) -> Path:
        """Return where a part of a checkpoint is: `data`, `state` or `met`."""
        return self.directory / f"{key}.{part}"

    def partial(self, key: str, part: str) -> Path:
        """Return where a part is while it is made."""
        return self._partial / f"checkpoint-{key}.{part}"

    def has(self, key: str) -> bool:
        """Tell whether there is one; `open` may still find that it is of no use."""
        return self.path(key, "state").exists()

    def open(self, key: str) -> Checkpoint | None:
        """Open one, None if there is none.

        Raises:
            StateError: it was damaged, and is gone now.
            OSError: it can't be read.
        """
        try:
            content = self.path(key, "state").read_bytes()
            data_fd = os.open(self.path(key, "data"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            state = load(content)
            _check_data(data_fd, state)
        except BaseException as error:
            os.close(data_fd)
            if isinstance(error, StateError):
                self.drop(key)
            raise
        with contextlib.suppress(OSError):  # a cache on a read-only disk has no ages
            os.utime(self.path(key, "state"))
        return Checkpoint(state, data_fd)

    def is_sound(self, key: str) -> bool:
        """Read one whole and tell whether it is as it was made; raises OSError."""
        try:
            state = load(self.path(key, "state").read_bytes())
            with self.path(key, "data").open("rb", 0) as file:
                return is_sound(file.fileno(), state.pieces)
        except (FileNotFoundError, StateError):
            return False

    def drop(self, key: str) -> None:
        """Remove one: the state first, without which there is none."""
        for part in ("state", "data", "met"):
            self.path(key, part).unlink(missing_ok=True)

    def meet(self, key: str) -> bool:
        """Note that these layers were seen; tell whether they had been before."""
        path = self.path(key, "met")
        if path.exists():
            return True
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return False

    @contextlib.contextmanager
    def make(self, key: str) -> Iterator[Making | None]:
        """Become the one who makes a checkpoint; None where another does, or has done it.

        What was not finished when the block ends is removed.

        Raises:
            OSError: the cache can't be written.
        """
        for directory in (self.directory, self._partial):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state_path, data_path = self.partial(key, "state"), self.partial(key, "data")
        state_fd = os.open(state_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(state_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another is at it, or this filesystem has no locks
                yield None
                return
            if not _is_at(state_fd, state_path) or self.has(key):
                # finished by another in between; what lies at the path may be a third one's
                if _is_at(state_fd, state_path):
                    state_path.unlink()
                yield None
                return
            os.ftruncate(state_fd, 0)  # what one left who was killed
            data_path.unlink(missing_ok=True)
            data_fd = os.open(data_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                yield Making(self, key, state_fd=state_fd, data=data_path, data_fd=data_fd)
            finally:
                os.close(data_fd)
                data_path.unlink(missing_ok=True)
                if _is_at(state_fd, state_path):  # not finished
                    state_path.unlink()
                    self.path(key, "data").unlink(missing_ok=True)
        finally:
            os.close(state_fd)


def _check_data(fd: int, state: State) -> None:
    pieces = state.pieces
    if {name: state.facts.get(name) for name in _FILE_FACTS} == _facts(fd):
        small = [piece for piece in pieces if piece.length <= _SAMPLE_BYTES]
        step = max(len(small) // _SAMPLES, 1)
        pieces = small[os.getpid() % step :: step][:_SAMPLES]
    if os.fstat(fd).st_size < state.end_bytes or not is_sound(fd, pieces):
        msg = "damaged data"
        raise StateError(msg)


def _facts(fd: int) -> dict[str, int]:
    status = os.fstat(fd)
    return {name: getattr(status, name) for name in _FILE_FACTS}


def _is_at(fd: int, path: Path) -> bool:
    mine = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
