"""The handle by which another thread ends a conversion."""

from __future__ import annotations

from typing import Protocol

from pull.errors import CancelledError

__all__ = ["Abortable", "Cancel"]


class Abortable(Protocol):
    """Something that threads wait for."""

    def abort(self) -> None:
        """End their wait; takes no lock."""
        ...


class Cancel:
    """Ends one piece of work: give it to the work, and call `cancel` to end that.

    Takes no lock, so that a signal handler may call it too.
    """

    def __init__(self) -> None:
        self._is_asked_for = False
        self._work: Abortable | None = None

    def cancel(self) -> None:
        """Make the work end soon, from any thread, even before it began."""
        self._is_asked_for = True  # first: `aborts` looks at it after it has noted the work
        if self._work is not None:
            self._work.abort()

    def aborts(self, work: Abortable) -> None:
        """Have `cancel` abort `work`, at once if it was already called."""
        self._work = work
        if self._is_asked_for:
            work.abort()

    def check(self, what: str) -> None:
        """Raise an error if the work was cancelled.

        Raises:
            CancelledError: It was; the message begins with `what`.
        """
        if self._is_asked_for:
            raise CancelledError(what, "conversion")
