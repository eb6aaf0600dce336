"""What a contest is made of: workloads, their contestants, and what the runs took."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Contestant", "Result", "Run", "Workload"]


def nothing_to_prepare(_: Path) -> None:
    """Leave the run's directory empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to do a workload's job.

    `script` runs with `sh -ec` in an empty directory. `image` is a glob below it for the resulting
    image, ext4 or qcow2 with ext4 in it, which e2fsck must find clean. A `self_timed` script prints
    a JSON line with `seconds` (of the library call alone) and perhaps `rss_before_bytes`. `inputs`
    are environment variables that name directories of files to read before the run.

    A run of several `steps` runs the script once for each, with STEP from 1 in its environment;
    their times are added up, and each makes one image.
    """

    name: str
    script: str
    image: str = ""
    self_timed: bool = False
    inputs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    rounds: int | None = None  # fewer than the workload's, and no warm-up: for the very slow
    prepare: Callable[[Path], None] = nothing_to_prepare  # before each run, in its directory
    steps: int = 1
    keeps_images: bool = True  # until the run ends; otherwise until e2fsck has judged each
    measures_disk: bool = False  # the filesystem must be of no other use meanwhile
    least_bytes: int = 0  # that the result must occupy, if that is known

    def missing(self) -> list[str]:
        """Return the programs that it needs and this machine lacks."""
        return [name for name in self.programs if shutil.which(name) is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One job; the first contestant is ours, and ratios are relative to it."""

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    rounds: int
    warm_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took; `memory_bytes` is the peak of the largest process of the tree."""

    seconds: float
    memory_bytes: int
    written_bytes: int
    rss_before_bytes: int = 0
    disk_bytes: int = 0  # that the filesystem has less than before, where that is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One contestant's counted runs, in the order of the rounds."""

    workload: str
    title: str  # of the workload
    contestant: str
    runs: tuple[Run, ...]
    image_bytes: int  # allocated in the resulting images; 0 if there is none
    least_bytes: int = 0  # see Contestant

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def memory_bytes(self) -> int:
        """The highest peak of all runs."""
        return max(run.memory_bytes for run in self.runs)

    @property
    def written_bytes(self) -> int:
        """The median of the bytes sent to the disk."""
        return int(statistics.median(run.written_bytes for run in self.runs))

    @property
    def disk_bytes(self) -> int:
        """The median of what the filesystem had less afterwards."""
        return int(statistics.median(run.disk_bytes for run in self.runs))

    def times(self, other: Result) -> float:
        """Return this time divided by that of `other`: the median over pairs of runs."""
        pairs = zip(self.runs, other.runs, strict=False)
        return statistics.median(mine.seconds / theirs.seconds for mine, theirs in pairs)
