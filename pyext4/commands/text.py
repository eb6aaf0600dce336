"""How modes, times and names are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from pyext4.numbers import NS_PER_SECOND

__all__ = ["show_bytes", "show_time"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def show_bytes(name: bytes) -> str:
    r"""Show a name so that it can't harm a terminal and no byte is lost: `\xff`, `\\`."""
    shown = []
    for character in name.decode(errors="surrogateescape"):
        if character == "\\":
            shown.append("\\\\")
        elif character.isprintable():
            shown.append(character)
        else:
            data = character.encode(errors="surrogateescape")
            shown.append("".join(f"\\x{byte:02x}" for byte in data))
    return "".join(shown)


def show_time(time_ns: int) -> str:
    """Show a time in UTC with its nanoseconds, for example 2024-02-29 12:00:00.000000001."""
    seconds, nanoseconds = divmod(time_ns, NS_PER_SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09}"
