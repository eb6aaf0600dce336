"""Bytes that nobody shall read again: holes where there can be some, zeros elsewhere."""

from __future__ import annotations

import errno
import os
from typing import Final

from pyext4 import native

__all__ = ["erase"]

# fallocate(2): a filesystem or a device without it, or one that wants larger units
_NO_HOLES: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV, errno.EINVAL)
_ZEROS_BYTES: Final = 1 << 20


def erase(fd: int, offset: int, length: int) -> None:
    """Make a range of a file or a block device read as zero; raises OSError."""
    if length < 1:
        return
    try:
        native.punch(fd, offset, length)
    except OSError as error:
        if error.errno not in _NO_HOLES:
            raise
        _write_zeros(fd, offset, length)


def _write_zeros(fd: int, offset: int, length: int) -> None:
    zeros = bytes(min(length, _ZEROS_BYTES))
    end = offset + length
    while offset < end:
        offset += os.pwrite(fd, zeros[: end - offset], offset)
