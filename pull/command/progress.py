"""Progress of a pull and a conversion: bars on a terminal, lines elsewhere, nothing when quiet.

Downloads report from their threads; a conversion's progress is the compressed size of what
`flatten` has applied.
"""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, Self

from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor
from pyext4.sizes import format_size

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Progress", "Shown", "Silence", "make_progress"]


class Progress(Protocol):
    """Receives each blob's two kinds of progress; must be safe to call from any thread."""

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """Show that the first `position` bytes of a blob are here."""
        ...

    def converted(self, digest: str, size: int, position: int) -> None:
        """Show how many compressed bytes of a layer's `size` are in the tree."""
        ...


class Shown(AbstractContextManager["Shown"], Progress, Protocol):
    """Shows progress while the context lasts."""


def make_progress(*, quiet: bool) -> Shown:
    """Choose the progress that suits standard error."""
    if quiet:
        return Silence()
    return _Bars() if sys.stderr.isatty() else _Lines()


class _Quietly:
    """A context manager with nothing to begin or end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Silence(_Quietly):
    """Shows nothing."""

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """See `Progress`."""

    def converted(self, digest: str, size: int, position: int) -> None:
        """See `Progress`."""


class _Lines(_Quietly):
    """One line for each thing that is finished."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[str] = set()
        self._pending = ""

    def __exit__(self, *failure: object) -> None:
        if failure == (None, None, None):
            self._say(self._pending)

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        if position == descriptor.size:
            self._say(f"{descriptor.digest.short}: {format_size(position)} in the cache")

    def converted(self, digest: str, size: int, position: int) -> None:
        del position
        # a layer is good when the next one begins, not when it has been read to its end
        line = f"{Digest.parse(digest).short}: {format_size(size)} converted"
        if line != self._pending:
            self._say(self._pending)
            self._pending = line

    def _say(self, line: str) -> None:
        with self._lock:
            if line and line not in self._said:
                self._said.add(line)
                print(line, file=sys.stderr, flush=True)  # noqa: T201  # what lines are for


class _Bars(_Quietly):
    """Rich's bars, one for each download and one for each conversion."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # --help should not wait for rich
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        self._show(f"{descriptor.digest.short} download", descriptor.size, position)

    def converted(self, digest: str, size: int, position: int) -> None:
        self._show(f"{Digest.parse(digest).short} convert ", size, position)

    def _show(self, description: str, size: int, position: int) -> None:
        with self._lock:
            task = self._tasks.get(description)
            if task is None:
                task = self._tasks[description] = self._bars.add_task(description, total=size)
        self._bars.update(task, completed=position)
