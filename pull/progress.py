"""How far a pull and a conversion are: bars on a terminal, lines elsewhere, nothing when quiet.

Downloads report from their threads, conversion by the compressed bytes that `flatten` reads.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from pull.digest import Digest
from pull.image import Layer
from pull.manifest import Descriptor
from pull.sizes import format_size

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Progress", "WatchedLayer", "make_progress"]


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows the two movements of each blob; safe to call from any thread."""

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """Show that so many bytes of a blob are here."""
        ...

    def converted(self, digest: str, size: int, position: int) -> None:
        """Show that so many compressed bytes of a layer's `size` were read."""
        ...


def make_progress(*, quiet: bool) -> Progress:
    """Choose what suits standard error."""
    if quiet:
        return _Silence()
    return _Bars() if sys.stderr.isatty() else _Lines()


class WatchedLayer:
    """A layer whose reading shows as progress."""

    def __init__(self, layer: Layer, progress: Progress) -> None:
        self._layer = layer
        self._progress = progress
        self.digest = layer.digest
        self.diff_id = layer.diff_id
        self.media_type = layer.media_type

    def open(self) -> BinaryIO:
        """Open the layer's compressed bytes."""
        reader: object = _WatchedReader(self._layer, self._progress)
        return reader  # type: ignore[return-value]  # io's classes have no common type in typing

    @classmethod
    def all_of(cls, layers: Sequence[Layer], progress: Progress) -> list[WatchedLayer]:
        """Watch every layer."""
        return [cls(layer, progress) for layer in layers]


class _WatchedReader(io.BufferedIOBase):
    """Passes everything on and counts."""

    def __init__(self, layer: Layer, progress: Progress) -> None:
        super().__init__()
        self._stream = layer.open()
        self._digest = layer.digest
        self._size = layer.size
        self._progress = progress
        self._position = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(-1 if size is None else size)
        self._count(len(data))
        return data

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self._count(count)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _count(self, size: int) -> None:
        if size:
            self._position += size
            self._progress.converted(self._digest, self._size, self._position)


class _Quietly:
    """A context manager that has nothing to begin or to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class _Silence(_Quietly):
    def downloaded(self, descriptor: Descriptor, position: int) -> None: ...

    def converted(self, digest: str, size: int, position: int) -> None: ...


class _Lines(_Quietly):
    """One line for each thing that is finished."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[str] = set()
        self._read = ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._say(self._read)

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        if position == descriptor.size:
            self._say(f"{descriptor.digest.short}: {format_size(position)} in the cache")

    def converted(self, digest: str, size: int, position: int) -> None:
        del position
        # that a layer was read does not say that it was any good; that the next one is read does
        line = f"{Digest.parse(digest).short}: {format_size(size)} converted"
        if line != self._read:
            self._say(self._read)
            self._read = line

    def _say(self, line: str) -> None:
        with self._lock:
            if line and line not in self._said:
                self._said.add(line)
                print(line, file=sys.stderr, flush=True)  # noqa: T201  # what lines are for


class _Bars(_Quietly):
    """Bars of rich, one for each download and one for each conversion."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # --help shall not wait for rich
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
