"""What another thread holds to end a conversion."""

from __future__ import annotations

from typing import Protocol

from pull.errors import CancelledError

__all__ = ["Abortable", "Cancel"]


class Abortable(Protocol):
    """Something that threads wait for."""

    def abort(self) -> None:
        """Let them wait no more; takes no lock."""
        ...


class Cancel:
    """Ends one piece of work: give it to the work, and call `cancel` when it shall end.

    Takes no lock, so that a signal handler may call it too.
    """

    def __init__(self) -> None:
        self._is_asked_for = False
        self._work: Abortable | None = None

    def cancel(self) -> None:
        """Let the work end soon, from any thread; before it began, too."""
        self._is_asked_for = True  # first: `aborts` looks at it after it has noted the work
        if self._work is not None:
            self._work.abort()

    def aborts(self, work: Abortable) -> None:
        """Have `work` aborted by `cancel`, at once where that was called already."""
        self._work = work
        if self._is_asked_for:
            work.abort()

    def check(self, what: str) -> None:
        """Do nothing unless the work is to end.

        Raises:
            CancelledError: It is; the message begins with `what`.
        """
        if self._is_asked_for:
            raise CancelledError(what, "conversion")
