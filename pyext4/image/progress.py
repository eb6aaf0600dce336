"""How far the writing of an image is, for whoever waits; and whether they still do.

Both are asked in the thread that writes, after every few megabytes, so that they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol, TypeAlias

from pyext4.errors import CancelledError

__all__ = ["Cancelled", "Meter", "Phase", "Progress"]

Phase: TypeAlias = Literal["contents", "metadata", "hashes", "sync"]
"""What is being written; see `Progress`."""

Cancelled: TypeAlias = Callable[[], bool]
"""Asked whether to stop, such as `threading.Event().is_set`."""

_STEP_BYTES: Final = 4 << 20


class Progress(Protocol):
    """Told how far the writing of an image is: any function of these three arguments.

        def show(phase: str, done_bytes: int, total_bytes: int) -> None:
            print(f"{phase}: {done_bytes} of {total_bytes}")

        write_ext4(tree, "root.ext4", progress=show)

    The phases come in this order. Each begins with 0 and ends with its total, and in between it is
    told after every 4 MiB or so:

    - `contents`: the bytes of files on their way into the image, holes counted. Those that stand in
      the image already, because they came through `Ext4Writer.store`, are not counted.
    - `metadata`: inode tables, directories, attributes, bitmaps, superblocks.
    - `hashes`: the tree for dm-verity, only where it was asked for.
    - `sync`: the whole image on its way to the disk. It can't be measured: 0, then the total.

    It is called in the thread that writes, which waits for it. What it raises ends the writing like
    any error, and nothing half-written is left: the last call comes before the image is put in its
    place.
    """

    def __call__(self, phase: Phase, done_bytes: int, total_bytes: int, /) -> None:
        """Take note of `done_bytes` of the `total_bytes` of a phase."""
        ...


class Meter:
    """Counts the bytes of one phase after another, and asks at each step whether to go on."""

    def __init__(self, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self.is_needed = progress is not None or cancelled is not None
        self._progress = progress
        self._cancelled = cancelled
        self._phase: Phase = "contents"
        self._total_bytes = 0
        self._done_bytes = 0
        self._next_step = 0

    def check(self) -> None:
        """Raise CancelledError if nobody wants the image any more."""
        if self._cancelled is not None and self._cancelled():
            raise CancelledError

    def begin(self, phase: Phase, total_bytes: int) -> None:
        """Begin a phase."""
        self._phase = phase
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._step()

    def advance(self, count: int) -> None:
        """Count bytes; what exceeds the total does not show."""
        self._done_bytes += count
        if self._done_bytes >= self._next_step:
            self._step()

    def end(self) -> None:
        """End the phase, whatever was counted."""
        self._done_bytes = self._total_bytes
        self._step()

    def _step(self) -> None:
        self._next_step = self._done_bytes + _STEP_BYTES
        self.check()
        if self._progress is not None:
            done_bytes = min(self._done_bytes, self._total_bytes)
            self._progress(self._phase, done_bytes, self._total_bytes)
