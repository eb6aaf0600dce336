"""Names of signals as images write them: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`.

The numbers are those of include/uapi/asm-generic/signal.h, which x86 and ARM share, not those of
the machine that makes the image. Realtime signals are counted as in glibc, which keeps two for
itself; so does https://github.com/moby/sys/blob/main/signal/signal_linux.go.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["signal_number"]

_REALTIME_MIN, _REALTIME_MAX = 34, 64
_REALTIME = re.compile(r"RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?")

_NAMES: Final = """
HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT
CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS
"""
_SYNONYMS: Final = {"IOT": 6, "CLD": 17, "POLL": 29}
_NUMBERS: Final = {name: number for number, name in enumerate(_NAMES.split(), 1)} | _SYNONYMS


def signal_number(text: str) -> int | None:
    """Return a signal's number; None if `text` isn't a signal."""
    if text.isascii() and text.isdigit():
        number = int(text) if len(text) < 4 else 0
        return number if 1 <= number <= _REALTIME_MAX else None
    name = text.upper().removeprefix("SIG")
    realtime = _REALTIME.fullmatch(name)
    if realtime is None:
        return _NUMBERS.get(name)
    base = _REALTIME_MIN if realtime[1] == "MIN" else _REALTIME_MAX
    number = base + int(f"{realtime[2] or '+'}{realtime[3] or '0'}")
    return number if _REALTIME_MIN <= number <= _REALTIME_MAX else None
