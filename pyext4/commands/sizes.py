"""Numbers of bytes as people write them; the units are powers of 1024 throughout."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from fractions import Fraction
from typing import Final

__all__ = ["size"]

_UNITS: Final = "KMGTPE"
_GRAMMAR: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:([KMGTPE])(?:i?B)?|B)?", re.IGNORECASE | re.ASCII
)


def size(text: str) -> int:
    """Read `4096`, `64M`, `1.5G`, `2GiB`, for argparse.

    Raises:
        ArgumentTypeError: the text is no size, or not a whole number of bytes.
    """
    match = _GRAMMAR.fullmatch(text.strip())
    if match is None:
        msg = f"not a size, expected such as 64M or 1.5G: {text!r}"
        raise ArgumentTypeError(msg)
    number = Fraction(match[1])
    if match[2]:
        number *= 1024 ** (_UNITS.index(match[2].upper()) + 1)
    if number.denominator != 1:
        msg = f"not a whole number of bytes: {text!r}"
        raise ArgumentTypeError(msg)
    return int(number)
