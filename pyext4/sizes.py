"""Numbers of bytes as people write and read them; all units are powers of 1024."""

from __future__ import annotations

import re

__all__ = ["format_size", "parse_size"]

_UNITS = "KMGTPE"
# compiled when it is first used; letters of both cases, and of ASCII: the Kelvin sign is no K
_GRAMMAR = r"(?ai)([0-9]+)(?:\.([0-9]+))?\s*(?:([KMGTPE])(?:i?B)?|B)?"
_MAX_CHARACTERS = 100
_MAX_BYTES = (1 << 63) - 1  # off_t: no file and no disk is larger


def parse_size(text: str) -> int:
    """Read `4096`, `64M`, `1.5G`, `2GiB`, `2GB`: all units are powers of 1024.

    Raises:
        ValueError: the text is not a size, or not a whole number of bytes.
    """
    match = re.fullmatch(_GRAMMAR, text.strip()) if len(text) <= _MAX_CHARACTERS else None
    if match is None:
        msg = f"not a size such as 64M or 1.5G: {text!r}"
        raise ValueError(msg)
    whole, decimals, unit = match.groups("")
    factor = 1 << (10 * (_UNITS.index(unit.upper()) + 1) if unit else 0)
    scale: int = 10 ** len(decimals)
    number, rest = divmod(int(whole + decimals) * factor, scale)
    if rest:
        msg = f"not a whole number of bytes: {text!r}"
        raise ValueError(msg)
    if number > _MAX_BYTES:
        msg = f"larger than any file can be, {format_size(_MAX_BYTES)}: {text!r}"
        raise ValueError(msg)
    return number


def format_size(size_bytes: int) -> str:
    """Write a number of bytes with about three significant digits, such as `1.43 GiB`."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    value = float(size_bytes)
    unit = ""
    for letter in _UNITS:
        value /= 1024
        unit = f"{letter}iB"
        if value < 999.5:
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"
