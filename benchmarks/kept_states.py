"""Let each run find the same states of layers in its cache.

What a run keeps would make the next one faster, so it is removed. What was there before must stay
as it is: a state's data that was copied back has another inode, and would be read whole before it
is used.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["KeptStates", "cache_without_states"]


class KeptStates:
    """The states that a cache has now, which every run is to find there, and no others."""

    def __init__(self, cache: Path) -> None:
        """Look into the cache."""
        self._directory = cache / "checkpoints"
        self._files = self._found()

    def restore(self, _: Path) -> None:
        """Remove what has come since; for `Contestant.prepare`.

        Raises:
            LookupError: a run has removed or replaced a state.
        """
        now = self._found()
        if lost := self._files.keys() - now.keys():
            message = f"a run has removed states: {sorted(lost)}"
            raise LookupError(message)
        for name in now.keys() - self._files.keys():
            (self._directory / name).unlink()
        if changed := [name for name, facts in self._files.items() if now[name] != facts]:
            message = f"a run has replaced states: {sorted(changed)}"
            raise LookupError(message)

    def _found(self) -> dict[str, tuple[int, int]]:
        """Map names to what tells that a file is the same; each use sets a state's times."""
        if not self._directory.exists():
            return {}
        return {
            entry.name: (
                entry.stat().st_ino,
                entry.stat().st_ctime_ns if entry.name.endswith(".data") else 0,
            )
            for entry in os.scandir(self._directory)
        }


def cache_without_states(cache: Path, other: Path) -> Path:
    """Make another cache with the same blobs, as names of the same files, and no states."""
    shutil.rmtree(other, ignore_errors=True)
    skip = shutil.ignore_patterns("checkpoints", "partial")
    shutil.copytree(cache, other, ignore=skip, copy_function=os.link)
    return other
