"""Progress on a terminal: a thread that draws the picture some times a second.

The work is never kept waiting: its threads note numbers, and this one looks at them. What it needs
of rich is imported by the thread, when the downloads are under way; what is over by then is not
drawn at all. The terminal is measured each time, so nobody has to be told that it was resized.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Final, Self

from pull.command.progress.events import Stage
from pull.command.progress.frame import ASCII, UNICODE, Glyphs, Terminal, frame
from pull.command.progress.region import Region
from pull.command.progress.watch import Watch

__all__ = ["Picture"]

_FIRST_SECONDS: Final = 0.15
_PERIOD_SECONDS: Final = 0.2
_USUAL: Final = os.terminal_size((80, 24))  # where the terminal does not say


class Picture(Watch):
    """Draws what it is told on standard error; nothing of it stays in the end."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self._is_over = threading.Event()
        self._lock = threading.Lock()  # whoever has it may write to the terminal
        self._region: Region | None = None
        self._is_hidden = False
        self._mask: set[int] = set()

    def __enter__(self) -> Self:
        # Blocked, it waits until it is looked for, just before something is drawn; all threads that
        # begin from now on have it blocked too. The process goes on all the same.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])
        # a daemon: nobody shall wait for a terminal that was stopped by Ctrl-S
        threading.Thread(target=self._draw, name="pull-progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._erase()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def began(self, stage: Stage) -> None:
        """See `DetailedProgress`; what is printed on the same terminal has it for itself."""
        super().began(stage)
        self._is_hidden = stage == "print" and sys.stdout is not None and sys.stdout.isatty()
        if self._is_hidden:
            self._erase()

    def _erase(self) -> None:
        with self._lock:
            if self._region is not None and _is_ours(self._region):
                _write(self._region.erase(_size().columns))

    def _draw(self) -> None:
        if self._is_over.wait(_FIRST_SECONDS):
            return
        from rich.cells import cell_len  # noqa: PLC0415  # see above

        from pull.command.progress.paint import painter  # noqa: PLC0415

        region = self._region = Region(painter(os.environ), cell_len)
        glyphs = _glyphs()
        turn = 0
        while True:
            with self._lock:
                if self._is_over.is_set():
                    return
                if not self._is_hidden and _is_ours(region):
                    size = _size()
                    terminal = Terminal(size.columns, size.lines, glyphs, cell_len)
                    lines = frame(self.see(time.monotonic()), terminal, turn)
                    _write(region.show(lines, size.columns))
            turn += 1
            if self._is_over.wait(_PERIOD_SECONDS):
                return


def _is_ours(region: Region) -> bool:
    """Tell whether this process is in the foreground, and so may draw on its terminal.

    If it was not all the time, or was stopped, a shell has written below the picture.
    """
    try:
        is_ours = os.tcgetpgrp(2) == os.getpgrp()
    except OSError:  # not the terminal that controls it
        is_ours = True
    was_stopped = signal.sigtimedwait([signal.SIGCONT], 0) is not None
    if was_stopped or not is_ours:
        region.leave()
    return is_ours


def _size() -> os.terminal_size:
    try:
        size = os.get_terminal_size(2)
    except OSError:
        return _USUAL
    return size if size.columns and size.lines else _USUAL


def _glyphs() -> Glyphs:
    """Return signs that the terminal has: the Linux console's font has few."""
    if os.environ.get("TERM") == "linux":
        return ASCII
    drawn = "".join((*UNICODE.marks.values(), *UNICODE[1:]))
    try:
        drawn.encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
