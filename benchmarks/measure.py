"""Run contestants in turn and measure each run: seconds, memory, bytes written.

A workload's contestants take turns in rounds, so that changes of the machine over minutes affect
all of them equally. The order of a round is a row of a Williams square, so that each follows each
other one equally often: the aftermath of a run (memory that the host has taken away, a disk that is
still erasing) affects the next. The first round warms up and doesn't count. Before each run, old
outputs are deleted, everything dirty is on the disk, and the contestant's inputs are in the page
cache. Each run is a separate process, in an empty directory on one filesystem.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Contestant", "Result", "Run", "RunError", "Workload", "compete"]


class RunError(RuntimeError):
    """A run failed, or e2fsck found errors in its image: there is no figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to do a workload's job.

    `script` runs with `sh -ec` in an empty directory. `image` is a glob below it for the resulting
    ext4 image, which e2fsck must find clean. A `self_timed` script prints a JSON line with
    `seconds` (of the library call alone) and perhaps `rss_before_bytes`. `inputs` are environment
    variables that name directories of files to read before the run.
    """

    name: str
    script: str
    image: str = ""
    self_timed: bool = False
    inputs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    rounds: int | None = None  # fewer than the workload's, for the very slow

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One contestant's counted runs, in the order of the rounds."""

    workload: str
    title: str  # of the workload
    contestant: str
    runs: tuple[Run, ...]
    image_bytes: int  # allocated in the resulting image; 0 if there is none

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

    def times(self, other: Result) -> float:
        """Return this time divided by that of `other`: the median over pairs of runs."""
        pairs = zip(self.runs, other.runs, strict=False)
        return statistics.median(mine.seconds / theirs.seconds for mine, theirs in pairs)


def compete(workload: Workload, place: Path, say: Callable[[str], None]) -> list[Result]:
    """Run all contestants that this machine has, in turn; raises RunError if ours fails."""
    present = []
    for contestant in workload.contestants:
        missing = contestant.missing()
        if missing:
            say(f"{workload.name}: {contestant.name} left out, not installed: {', '.join(missing)}")
        else:
            present.append(contestant)
    runs: dict[str, list[Run]] = {contestant.name: [] for contestant in present}
    images: dict[str, int] = {}
    first = 0 if workload.warm_up else 1
    for number in range(first, workload.rounds + 1):
        for contestant in _turns(present, number):
            if contestant.rounds is not None and number > contestant.rounds:
                continue
            try:
                run, image_bytes = _run(contestant, place)
            except RunError as error:
                if contestant is workload.contestants[0]:
                    raise
                # measure the others even if one tool can't do the job
                say(f"{workload.name}: {error}")
                present.remove(contestant)
                del runs[contestant.name]
                continue
            images[contestant.name] = image_bytes
            say(f"{workload.name}: {contestant.name}: {run.seconds:.2f} s, round {number or '-'}")
            if number:
                runs[contestant.name].append(run)
    return [
        Result(
            workload=workload.name,
            title=workload.title,
            contestant=name,
            runs=tuple(done),
            image_bytes=images[name],
        )
        for name, done in runs.items()
    ]


def _turns(contestants: Sequence[Contestant], number: int) -> list[Contestant]:
    """Return the order of round `number`: that row of the Williams square of this size."""
    count = len(contestants)
    zigzag = [-(step // 2) if step % 2 == 0 else step // 2 + 1 for step in range(count)]
    return [contestants[(step + number) % count] for step in zigzag]


def _read(directory: Path) -> None:
    """Bring all files below a directory into the page cache."""
    buffer = bytearray(1 << 20)
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                with path.open("rb", buffering=0) as file:
                    while file.readinto(buffer):
                        pass


def _run(contestant: Contestant, place: Path) -> tuple[Run, int]:
    """Measure one run in an empty directory, check its image, and clear up."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in contestant.inputs:
        _read(Path(contestant.environ[name]))
    os.sync()
    launcher = str(Path(__file__).with_name("launch.py"))
    environ = os.environ | {"PYTHON": sys.executable} | dict(contestant.environ)
    done = subprocess.run(
        [sys.executable, "-I", "-S", launcher, contestant.script],
        check=False,
        cwd=place,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    facts = json.loads(done.stderr.strip().splitlines()[-1])
    if facts["status"] != 0:
        output = (done.stdout + done.stderr)[-2000:]
        message = f"{contestant.name} failed with {facts['status']}: {output}"
        raise RunError(message)
    reported: dict[str, float] = {}
    if contestant.self_timed:
        reported = json.loads(done.stdout.strip().splitlines()[-1])
    image_bytes = _check(contestant, place)
    shutil.rmtree(place)
    run = Run(
        seconds=reported.get("seconds", facts["seconds"]),
        memory_bytes=facts["memory_bytes"],
        written_bytes=facts["written_bytes"],
        rss_before_bytes=int(reported.get("rss_before_bytes", 0)),
    )
    return run, image_bytes


def _check(contestant: Contestant, place: Path) -> int:
    """Check the image with e2fsck, and return the bytes allocated in its file."""
    if not contestant.image:
        return 0
    (image,) = place.glob(contestant.image)
    verdict: Sequence[str] = ["e2fsck", "-fn", str(image)]
    done = subprocess.run(verdict, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        message = f"{contestant.name} made a damaged image: {done.stdout}{done.stderr}"
        raise RunError(message)
    return image.stat().st_blocks * 512
