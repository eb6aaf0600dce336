"""Progress where there is no terminal: one line for each thing that is finished."""

from __future__ import annotations

import sys
import threading

from pull.command.progress.events import Silence
from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor
from pyext4.sizes import format_size

__all__ = ["Lines"]


class Lines(Silence):
    """Says each line once, and of a conversion that fails not the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[str] = set()
        self._pending = ""

    def __exit__(self, *failure: object) -> None:
        if failure == (None, None, None):
            self._say(self._pending)

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """See `Progress`."""
        if position == descriptor.size:
            self._say(f"{descriptor.digest.short}: {format_size(position)} in the cache")

    def converted(self, digest: str, size: int, position: int) -> None:
        """See `Progress`."""
        del position
        # being read to its end does not make a layer good; that the next one began does
        line = f"{Digest.parse(digest).short}: {format_size(size)} converted"
        if line != self._pending:
            self._say(self._pending)
            self._pending = line

    def _say(self, line: str) -> None:
        with self._lock:
            if line and line not in self._said:
                self._said.add(line)
                print(line, file=sys.stderr, flush=True)  # noqa: T201  # what lines are for
