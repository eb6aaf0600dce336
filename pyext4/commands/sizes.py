"""Numbers of bytes as people write them; the units are powers of 1024 throughout."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from fractions import Fraction
from typing import Final

__all__ = ["size"]

_UNITS: Final = "KMGTPE"
_MAX_CHARACTERS: Final = 100
_MAX_BYTES: Final = (1 << 63) - 1  # off_t: no file and no disk is larger
_GRAMMAR: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:([KMGTPE])(?:i?B)?|B)?", re.IGNORECASE | re.ASCII
)


def size(text: str) -> int:
    """Read `4096`, `64M`, `1.5G`, `2GiB`, for argparse.

    Raises:
        ArgumentTypeError: the text is no size, or not a whole number of bytes.
    """
    match = _GRAMMAR.fullmatch(text.strip()) if len(text) <= _MAX_CHARACTERS else None
    if match is None:
        msg = f"not a size, expected such as 64M or 1.5G: {text!r}"
        raise ArgumentTypeError(msg)
    number = Fraction(match[1])
    if match[2]:
        number *= 1024 ** (_UNITS.index(match[2].upper()) + 1)
    if number.denominator != 1:
        msg = f"not a whole number of bytes: {text!r}"
        raise ArgumentTypeError(msg)
    if number > _MAX_BYTES:
        msg = f"larger than any file can be, 8.00 EiB: {text!r}"
        raise ArgumentTypeError(msg)
    return int(number)
