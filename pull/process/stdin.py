"""Standard input, where an archive or a password comes from."""

from __future__ import annotations

import sys
from typing import BinaryIO

from pull.errors import StandardInputError

__all__ = ["standard_input"]


def standard_input() -> BinaryIO:
    """Return the stream for bytes.

    Raises:
        StandardInputError: This process was started without one.
    """
    if sys.stdin is None:
        raise StandardInputError("is closed")
    return sys.stdin.buffer
