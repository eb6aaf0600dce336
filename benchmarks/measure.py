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
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import Contestant, Result, Run, Workload
from benchmarks.filesystems import used_bytes

__all__ = ["RunError", "compete"]


class RunError(RuntimeError):
    """A run failed, or e2fsck found errors in its image: there is no figure."""


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
            if contestant.rounds is not None and not 1 <= number <= contestant.rounds:
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
            contestant=contestant.name,
            runs=tuple(runs[contestant.name]),
            image_bytes=images[contestant.name],
            least_bytes=contestant.least_bytes,
        )
        for contestant in present
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
    """Measure one run in an empty directory, check its images, and clear up.

    Also return the bytes that are allocated in the images.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    contestant.prepare(place)
    for name in contestant.inputs:
        _read(Path(contestant.environ[name]))
    os.sync()
    used_before = used_bytes(place) if contestant.measures_disk else 0
    steps: list[dict[str, Any]] = []
    judged: dict[Path, int] = {}
    for step in range(1, contestant.steps + 1):
        steps.append(_step(contestant, place, step))
        if contestant.image:
            (image,) = sorted(set(place.glob(contestant.image)) - judged.keys())
            judged[image] = image.stat().st_blocks * 512
            _judge(contestant.name, image)
            if not contestant.keeps_images:
                image.unlink()
    disk_bytes = used_bytes(place) - used_before if contestant.measures_disk else 0
    shutil.rmtree(place)
    run = Run(
        seconds=sum(step["seconds"] for step in steps),
        memory_bytes=max(step["memory_bytes"] for step in steps),
        written_bytes=sum(step["written_bytes"] for step in steps),
        rss_before_bytes=max(int(step.get("rss_before_bytes", 0)) for step in steps),
        disk_bytes=disk_bytes,
    )
    return run, sum(judged.values())


def _step(contestant: Contestant, place: Path, number: int) -> dict[str, Any]:
    """Run the script once; return what launch.py measured, or the script itself."""
    launcher = str(Path(__file__).with_name("launch.py"))
    environ = os.environ | {"PYTHON": sys.executable, "STEP": str(number)}
    done = subprocess.run(
        [sys.executable, "-I", "-S", launcher, contestant.script],
        check=False,
        cwd=place,
        env=environ | dict(contestant.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    facts: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
    if facts["status"] != 0:
        output = (done.stdout + done.stderr)[-2000:]
        message = f"{contestant.name} failed with {facts['status']}: {output}"
        raise RunError(message)
    if contestant.self_timed:
        facts |= json.loads(done.stdout.strip().splitlines()[-1])
    return facts


def _judge(name: str, image: Path) -> None:
    """Let e2fsck look at an image; raises RunError if it is damaged."""
    raw = image
    if image.suffix == ".qcow2":
        raw = image.with_suffix(".raw")
        convert = ["qemu-img", "convert", "-O", "raw", str(image), str(raw)]
        subprocess.run(convert, check=True, capture_output=True)
    verdict = ["e2fsck", "-fn", str(raw)]
    done = subprocess.run(verdict, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        message = f"{name} made a damaged image: {done.stdout}{done.stderr}"
        raise RunError(message)
    if raw != image:
        raw.unlink()
