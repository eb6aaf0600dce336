"""Which kind of progress suits standard error."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from typing import Protocol

from pull.command.progress.events import DetailedProgress, Silence
from pull.command.progress.lines import Lines

__all__ = ["Shown", "make_progress"]


class Shown(AbstractContextManager["Shown"], DetailedProgress, Protocol):
    """Shows what it is told while the context lasts."""


def make_progress(reference: str, *, quiet: bool) -> Shown:
    """Choose: a picture on a terminal that can move its cursor, lines elsewhere, or nothing."""
    if quiet:
        return Silence()
    # unset, or dumb: such as a shell in Emacs, which shows control codes as text
    if sys.stderr is None or not sys.stderr.isatty() or _is_dumb(os.environ.get("TERM", "")):
        return Lines()
    from pull.command.progress.terminal import Picture  # noqa: PLC0415  # not for logs

    return Picture(reference)


def _is_dumb(terminal: str) -> bool:
    return terminal in ("", "dumb", "unknown")
