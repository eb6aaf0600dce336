"""Processes that use and keep states of the same layers at once, and some that are killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pull.cache import Cache
from pull.cache.checkpoints import Checkpoints
from tests.flatten import tars
from tests.pull.reuse.stacks import STACK, converted, digest_of, layout_of

PROCESSES = 20
FORK = multiprocessing.get_context("fork")
TOPS = [tars.layer(tars.file(b"top", b"%d" % number * 30_000)) for number in range(3)]
IMAGES = [STACK, *[(*STACK, top) for top in TOPS], STACK[:2]]


def fresh(layout: Path, place: Path) -> Sequence[str]:
    out = place / "fresh"
    digests = []
    for number in range(len(IMAGES)):
        converted(layout, number, out, place / "none", "never")
        digests.append(digest_of(out))
    return digests


def convert(layout: Path, number: int, place: Path, pipe: int) -> None:
    out = place / f"{os.getpid()}.ext4"
    made = converted(layout, number % len(IMAGES), out, place / "cache", "always")
    os.write(pipe, f"{number} {made.kept} {made.dropped} {digest_of(out)}\n".encode())


def test_twenty_processes(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "layout", IMAGES)
    wanted = fresh(layout, tmp_path)
    ours, theirs = os.pipe()
    runs = [
        FORK.Process(target=convert, args=(layout, number, tmp_path, theirs))
        for number in range(PROCESSES)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        results = [line.split() for line in pipe]
    assert len(results) == PROCESSES
    for number, _, dropped, digest in results:
        assert digest == wanted[int(number) % len(IMAGES)]
        assert dropped == "0"
    place = Checkpoints(Cache(tmp_path / "cache"))
    keys = [path.stem for path in place.directory.glob("*.state")]
    assert sum(int(kept) for _, kept, _, _ in results) == len(keys)  # none was made twice
    assert all(map(place.is_sound, keys))
    assert list((tmp_path / "cache" / "partial").iterdir()) == []


def test_only_one_makes_a_state(tmp_path: Path) -> None:
    place = Checkpoints(Cache(tmp_path))
    with place.make("key") as first, place.make("key") as second, place.make("other") as third:
        assert first is not None
        assert second is None
        assert third is not None
        first.facts()
        first.finish(b"state")
        with place.make("key") as late:
            assert late is None
    assert place.path("key", "state").read_bytes() == b"state"
    assert not place.has("other")
    assert list((tmp_path / "partial").iterdir()) == []


@pytest.mark.parametrize("moments", [15, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_any_moment(moments: int, tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "layout", IMAGES)
    wanted = fresh(layout, tmp_path)
    chosen = random.Random(moments)
    started = time.monotonic()
    converted(layout, 0, tmp_path / "warm", tmp_path / "warm-cache", "always")
    longest = time.monotonic() - started
    for number in range(moments):
        run = FORK.Process(target=convert, args=(layout, number, tmp_path, os.dup(1)))
        run.start()
        time.sleep(chosen.random() * longest)
        assert run.pid is not None
        os.kill(run.pid, signal.SIGKILL)
        run.join()
        which = number % len(IMAGES)
        made = converted(layout, which, tmp_path / "out", tmp_path / "cache", "always")
        assert digest_of(tmp_path / "out") == wanted[which]
        assert made.dropped == 0
        if number % 3 == 0:  # or all is kept after the first few
            for path in (tmp_path / "cache" / "checkpoints").glob("*.state"):
                path.unlink()
    place = Checkpoints(Cache(tmp_path / "cache"))
    assert all(place.is_sound(path.stem) for path in place.directory.glob("*.state"))
