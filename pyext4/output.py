"""A file that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

__all__ = ["Output"]

_PREFIX_CHARACTERS = 50  # of up to 4 bytes each; NAME_MAX is 255


class Output:
    """A new file beside its target, which `publish` renames it onto; until then nobody sees it."""

    def __init__(self, target: Path) -> None:
        """Create the file; raises OSError where the directory can't be written."""
        self.target = target
        if target.exists() and not target.is_file():
            raise FileExistsError(errno.EEXIST, "is there and no regular file", str(target))
        # of a name so long that nothing can be added to it, the beginning will do
        prefix = f".{target.name[:_PREFIX_CHARACTERS]}."
        try:
            self.fd, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
        except OSError as error:
            error.filename = str(target)  # that the user knows; nobody asked for the other name
            raise
        self._path: Path | None = Path(name)

    def publish(self, size_bytes: int) -> None:
        """Give the file its length, sync it and put it in the target's place."""
        assert self._path is not None
        os.ftruncate(self.fd, size_bytes)
        os.fchmod(self.fd, 0o666 & ~_umask())
        os.fsync(self.fd)
        self._path.replace(self.target)
        self._path = None
        directory = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self) -> None:
        """Close the file, and remove it if it was not published."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
