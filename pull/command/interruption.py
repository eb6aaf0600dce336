"""Ctrl-C, SIGTERM and SIGHUP: nothing half-written stays, and a slow registry delays nothing.

The first signal unwinds the program, so that everything closes what it has opened. But an exception
at an arbitrary point may be lost (in a finaliser) or come before a new file was recorded, and
closing may take long. So there is a second way out: another signal, or the alarm that the first one
sets, ends the process at once. Both ways, `program.clean` removes the files known by name.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from pull.process.cancel import Cancel
from pull.process.program import SIGNALS, end_at_once, heeded

__all__ = ["SIGNALS", "Interruption", "SignalledError", "interruptible"]

_AGAIN_SECONDS: Final = 0.02
_UNWIND_SECONDS: Final = 5


class SignalledError(BaseException):
    """One of the signals came."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)


class Interruption:
    """What a signal does: wake threads that wait for layers, then unwind the program."""

    def __init__(self) -> None:
        self.cancel = Cancel()  # for the work
        self.first: int | None = None  # the signal that came first
        self._again: threading.Timer | None = None  # sends one that came at a bad moment

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal, at any point of the program.

        Raises:
            SignalledError: The first time, but a moment later if a module is being imported.
        """
        if self.first is not None:
            end_at_once(number, frame)
        if _is_importing(frame):
            self._send_again(number)
            return
        self.cancel.cancel()
        self.first = number
        signal.signal(signal.SIGALRM, self._too_late)
        signal.alarm(_UNWIND_SECONDS)
        raise SignalledError(number)

    def was_lost(self, lost: sys.UnraisableHookArgs) -> bool:
        """Tell whether a signal's exception was lost in a finaliser; if so, it will come again."""
        if not isinstance(lost.exc_value, SignalledError):
            return False
        self.first = None
        signal.alarm(0)
        self._send_again(lost.exc_value.number)
        return True

    def wait(self) -> None:
        """Return when no signal is on its way again.

        Raises:
            SignalledError: One was.
        """
        while self._again is not None:
            again, self._again = self._again, None
            again.join()

    def _send_again(self, number: int) -> None:
        to = (threading.main_thread().ident, number)
        self._again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, to)
        self._again.start()

    def _too_late(self, number: int, frame: FrameType | None) -> None:
        del number
        assert self.first is not None
        end_at_once(self.first, frame)


def _is_importing(frame: FrameType | None) -> bool:
    """Tell whether a module is being imported.

    An exception raised there may turn into another (RuntimeError while a class is made), or be
    handled and still end the interpreter (KeyboardInterrupt in the `exec` of a dataclass).
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle the signals while the context lasts, so that nothing half-written stays.

    Raises:
        SignalledError: One came, whatever other error it caused.
    """
    interruption = Interruption()
    before = {number: signal.signal(number, interruption) for number in heeded()}
    hook = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if interruption.was_lost(lost) else hook(lost)
    try:
        yield interruption
        interruption.wait()
    except (SignalledError, GeneratorExit):
        raise
    except BaseException as error:
        if interruption.first is not None:
            raise SignalledError(interruption.first) from error
        raise
    finally:
        sys.unraisablehook = hook
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)
