"""The contestants for starting from kept states of layers, each as a shell script.

The variables are those that `peers` explains, and: FRESH, a cache like CACHE that has no states
before a run; OLD (the image of the version before); APPS (the repository that has all versions).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.contest import Contestant
from benchmarks.peers import FLOOR, UMOCI

__all__ = ["AGAIN_SIZE", "VERSIONS", "again", "first_time", "rebuild", "twenty"]

VERSIONS = 20
AGAIN_SIZE = "8G"
"""Of the image that is made again; the first one chose its own."""

Prepare = Callable[[Path], None]

_PULL = '"$PYTHON" -m pull --quiet "$REF"'
_EACH = '"$PYTHON" -m pull --quiet "$APPS:app-$STEP" "$STEP.ext4" --cache-dir "$FRESH"'
_MICROSANDBOX = 'mkdir -p home; HOME="$PWD/home"; export HOME; msb pull --quiet --insecure'

# it starts from nothing, so one round a workload must do
_UMOCI = replace(UMOCI, rounds=1)


def rebuild(restore: Prepare, home: Path, changed_bytes: int) -> tuple[Contestant, ...]:
    """Convert a new version; the states of an old one are there after `restore`."""
    ours = _ours(f'{_PULL} out.ext4 --cache-dir "$CACHE"', restore)
    onto = Contestant(
        name="ours, onto the old image",
        script=f'{_PULL} --onto "$OLD" out.qcow2 --cache-dir "$CACHE"',
        image="out.qcow2",
        inputs=("CACHE",),
        programs=("qemu-img",),
        prepare=restore,
        least_bytes=changed_bytes,
    )
    return ours, _in_full(), onto, FLOOR, _microsandbox(home), _UMOCI


def again(restore: Prepare, home: Path) -> tuple[Contestant, ...]:
    """Convert the old version itself, with another size."""
    ours = _ours(f'{_PULL} out.ext4 --size {AGAIN_SIZE} --cache-dir "$CACHE"', restore)
    umoci = replace(_UMOCI, script=UMOCI.script.replace('"$SIZE"k', AGAIN_SIZE))
    return ours, _in_full("--size", AGAIN_SIZE), FLOOR, _microsandbox(home), umoci


def first_time(forget: Prepare) -> Contestant:
    """Convert as `again` does, but without states, and keep them."""
    return Contestant(
        name="ours, the first time",
        script=f'{_PULL} out.ext4 --size {AGAIN_SIZE} --cache-dir "$FRESH"',
        image="out.ext4",
        inputs=("FRESH",),
        prepare=forget,
    )


def twenty(forget: Prepare, parts_bytes: int) -> tuple[Contestant, ...]:
    """Convert all versions, one after the other, without states at first.

    With `parts_bytes` all images stay until the last one is there, and the disk is measured.
    """
    measured = parts_bytes > 0
    ours = Contestant(
        name="ours",
        script=_EACH,
        image="*.ext4",
        inputs=("FRESH",),
        prepare=forget,
        steps=VERSIONS,
        keeps_images=measured,
        measures_disk=measured,
        least_bytes=parts_bytes,
    )
    in_full = replace(
        ours,
        name="ours, each in full",
        script=f"{_EACH} --reuse never",
        rounds=1,
        keeps_images=False,
        measures_disk=False,
        least_bytes=0,
    )
    microsandbox = Contestant(
        name="microsandbox, EROFS layers and no ext4",
        script=f'{_MICROSANDBOX} --materialize layered "$APPS:app-$STEP"',
        inputs=("REGISTRY",),
        programs=("msb",),
        rounds=1,
        steps=VERSIONS,
        measures_disk=measured,
    )
    return ours, in_full, microsandbox, replace(_UMOCI, name=f"{UMOCI.name}, one of the twenty")


def _ours(script: str, prepare: Prepare) -> Contestant:
    return Contestant(
        name="ours", script=script, image="out.ext4", inputs=("CACHE",), prepare=prepare
    )


def _in_full(*options: str) -> Contestant:
    return Contestant(
        name="ours, in full",
        script=f'{_PULL} out.ext4 --reuse never {" ".join(options)} --cache-dir "$FRESH"',
        image="out.ext4",
        inputs=("FRESH",),
    )


def _microsandbox(home: Path) -> Contestant:
    """Make an ext4 image from the layers in a copy of `home`, and from the new one."""

    def copy(place: Path) -> None:
        subprocess.run(["cp", "-a", "--reflink=auto", home, place / "home"], check=True)

    return Contestant(
        name="microsandbox, old layers kept as EROFS",
        script=f'{_MICROSANDBOX} --materialize flat "$REF"',
        image="home/.microsandbox/cache/flat/blobs/*.raw",
        inputs=("REGISTRY",),
        programs=("msb",),
        prepare=copy,
        rounds=1,
    )
