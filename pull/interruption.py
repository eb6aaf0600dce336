"""Ctrl-C and SIGTERM: nothing half-written stays, and nobody waits for a slow registry."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

__all__ = ["SIGNALS", "Abortable", "Interruption", "SignalledError", "interruptible"]

SIGNALS: Final = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
"""The signals, and what to say of them."""

_IMPORT_SECONDS: Final = 0.02


class Abortable(Protocol):
    """Something that threads wait for."""

    def abort(self) -> None:
        """Let them wait no more; takes no lock."""
        ...


class SignalledError(BaseException):
    """One of the signals came."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)


class Interruption:
    """What Ctrl-C and SIGTERM do: wake those who wait for layers, then unwind the program."""

    def __init__(self) -> None:
        self.image: Abortable | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal, in the middle of anything.

        Raises:
            SignalledError: Always, but a moment later where a module is being imported.
        """
        if self.image is not None:
            self.image.abort()
        if _is_importing(frame):
            again = (threading.main_thread().ident, number)
            threading.Timer(_IMPORT_SECONDS, signal.pthread_kill, again).start()
            return
        raise SignalledError(number)


def _is_importing(frame: FrameType | None) -> bool:
    """Tell whether a module is just being imported.

    What is raised there may come out as another error (RuntimeError from the making of a class), or
    be handled and yet end the interpreter (KeyboardInterrupt in the `exec` of a dataclass).
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle both signals while the context lasts, so that nothing half-written stays."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
