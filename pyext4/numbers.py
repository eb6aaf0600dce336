"""Arithmetic that every room needs, without filesystem sizes or structures."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_32", "NS_PER_SECOND", "ceil_div"]

MAX_32: Final = 0xFFFFFFFF  # the largest 32-bit number, and the mask for the low 32 bits
NS_PER_SECOND: Final = 1_000_000_000


def ceil_div(value: int, by: int) -> int:
    """Divide, rounding up."""
    return -(-value // by)
