"""A file that appears whole or not at all.

Its bytes go to a temporary file beside it, whose name is noted before the file is created, so that
`remove_unpublished` finds it after any interruption. Errors have the name that the user knows.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Output", "remove_unpublished"]

_PREFIX_CHARACTERS = 50  # of up to 4 bytes each; NAME_MAX is 255
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_unpublished: set[Path] = set()


def remove_unpublished() -> None:
    """Remove unpublished files, in a process that is about to end."""
    for path in tuple(_unpublished):
        with suppress(OSError):
            path.unlink(missing_ok=True)


class Output:
    """A new file beside its target; `publish` renames it onto the target."""

    def __init__(self, target: Path) -> None:
        """Create the file; raises OSError if the directory can't be written to."""
        self.fd = -1
        self.target = target
        if target.exists() and not target.is_file():
            raise FileExistsError(errno.EEXIST, "exists and is not a regular file", str(target))
        # the beginning is enough of a name that is too long to add to
        name = f".{target.name[:_PREFIX_CHARACTERS]}.{os.urandom(8).hex()}"
        self._path: Path | None = target.parent / name
        _unpublished.add(self._path)
        with self._under_the_name_known():
            self.fd = os.open(self._path, _NEW_FILE, 0o600)

    def publish(self, size_bytes: int) -> None:
        """Set the file's length, sync it and rename it onto the target."""
        assert self._path is not None
        with self._under_the_name_known():
            os.ftruncate(self.fd, size_bytes)
            os.fchmod(self.fd, 0o666 & ~_umask())
            os.fsync(self.fd)
            self._path.replace(self.target)
            _unpublished.discard(self._path)
            self._path = None
            directory = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def close(self) -> None:
        """Close the file, and remove it if it was not published."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            _unpublished.discard(self._path)
            self._path = None
        fd, self.fd = self.fd, -1  # first: a signal may arrive in between and close it again
        if fd >= 0:
            os.close(fd)

    @contextmanager
    def _under_the_name_known(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = str(self.target)
            error.filename2 = None
            raise


def _umask() -> int:
    """Return the process's umask; the only way to read it is to set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
