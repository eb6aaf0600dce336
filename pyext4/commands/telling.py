"""How a program says that it failed: a line for people, an exit status, and JSON where asked for.

Standard output has one object or none: the result, or the error that came instead of it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

from pyext4.commands.program import FAILED, SIGNALS, clean, complain, end_with, signals_ignored
from pyext4.failure import PackageError
from pyext4.programs.secrets import without_secrets

__all__ = ["Telling", "reason_of"]


def reason_of(error: OSError) -> str:
    """Return the system's own words for what went wrong."""
    return (error.strerror or str(error)).lower()


class Telling:
    """Says how one run of a program ends."""

    def __init__(
        self, reference: str, *, json: bool = False, debug: bool = False, trouble: int = FAILED
    ) -> None:
        """Take what the program is about, and how it is to be said.

        `trouble` is the exit status of what failed for good.
        """
        self._trouble = trouble
        self._reference = without_secrets(reference)
        self._json = json
        self._debug = debug
        if json:  # for signals that nothing is unwound for
            end_with(self._signal_as_json)

    def answers(self) -> None:
        """Note that standard output is about to get the result: no error may stand beside it."""
        self._json = False
        end_with(None)

    def failed(self, error: PackageError | OSError | ImportError, message: str) -> int:
        """Say what went wrong and return the exit status; called where `error` is handled."""
        from pyext4.programs import failures  # noqa: PLC0415  # only for those who fail

        if self._debug:
            import traceback  # noqa: PLC0415  # rarely needed

            traceback.print_exc()
        complain(f"error: {message}")
        status = failures.status_of(error)
        status = self._trouble if status == FAILED else status
        self._say(
            lambda: failures.as_json(
                failures.kind_of(error),
                message,
                reference=self._reference,
                status=status,
                facts=failures.facts_of(error),
            )
        )
        return status

    def signalled(self, number: int) -> int:
        """Say which signal ended the program, and return the exit status."""
        with signals_ignored():  # another one would cut what is said
            clean()
            complain(SIGNALS[signal.Signals(number)])
            self._say(lambda: self._signal_as_json(number))
        return 128 + number

    def _say(self, make: Callable[[], bytes]) -> None:
        if not self._json:
            return
        from pyext4.programs import failures  # noqa: PLC0415  # as above

        with signals_ignored():
            self.answers()
            failures.say(make())

    def _signal_as_json(self, number: int) -> bytes:
        from pyext4.programs import failures  # noqa: PLC0415  # as above

        found = signal.Signals(number)
        return failures.as_json(
            "signal",
            SIGNALS[found],
            reference=self._reference,
            status=128 + number,
            facts={"signal": found.name},
        )
