"""Standard output, where lists, archives and JSON go."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import BinaryIO

from pull.errors import OutputClosedError

__all__ = ["to_standard_output"]


def to_standard_output(write: Callable[[BinaryIO], object]) -> None:
    """Have `write` write to standard output, and flush all of it.

    Raises:
        OutputClosedError: Its reader has left, or this process was started without one.
        OSError: It can't be written, for example to a file on a full disk.
    """
    if sys.stdout is None:
        raise OutputClosedError("standard output is closed")
    stream = sys.stdout.buffer
    try:
        write(stream)
        stream.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error
