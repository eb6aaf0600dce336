"""What is measured of starting from kept states of layers: `rebuild`, `again`, `twenty`.

The images are versions of an application on one base (`app_images`). The base and the old version
are converted once, and their states are kept; then each run finds these states and no others
(`kept_states`). Everything happens twice: on the filesystem of the inputs, and on an XFS, where
files can share blocks.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.app_images import BASE, FILE_BYTES, app, app_layout
from benchmarks.contest import Result, Workload
from benchmarks.filesystems import missing_for_xfs, type_of, xfs
from benchmarks.inputs import convert
from benchmarks.kept_states import KeptStates
from benchmarks.place import Place
from benchmarks.reuse_inputs import Before, Versions, converted_before, fill, parts_bytes, published
from benchmarks.reuse_peers import AGAIN_SIZE, VERSIONS, again, first_time, rebuild, twenty

__all__ = ["REUSE_WORKLOADS", "run_reuse"]

REUSE_WORKLOADS = ("rebuild", "again", "twenty")
FILES, FILES_IN_SHORT = 1000, 100  # of 20,000 bytes
XFS_BYTES = 14 << 30
OLD, NEW = app(1), app(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A filesystem on which runs happen."""

    directory: Path
    is_xfs: bool
    filesystem: str  # its type
    versions: Versions
    fresh: Path  # a cache on it, with all blobs
    none: KeptStates  # that it has
    place: Place

    @property
    def where(self) -> str:
        """Say where, in a title."""
        return f"on {self.filesystem}"

    @property
    def own(self) -> str:
        """Say how much each version has of its own, in a title."""
        return f"{self.versions.own_bytes / 1e6:.0f} MB"

    def named(self, workload: str) -> str:
        """Tell the two results of a workload apart."""
        return f"{workload}-xfs" if self.is_xfs else workload

    def environ(self, tag: str) -> dict[str, str]:
        """Return the variables of scripts about an image."""
        return {
            "LAYOUT": str(self.versions.layout),
            "TAG": tag,
            "REF": self.versions.reference(tag),
            "REGISTRY": str(self.versions.registry),
            "APPS": self.versions.repository,
            "FRESH": str(self.fresh),
        }


def run_reuse(
    names: Collection[str], layout: Path, tag: str, place: Place, *, short: bool
) -> list[Result]:
    """Run the workloads in `names` with the layers of an image, on both filesystems."""
    wanted = [name for name in REUSE_WORKLOADS if name in names]
    if not wanted:
        return []
    files = FILES_IN_SHORT if short else FILES
    place.inputs.mkdir(parents=True, exist_ok=True)
    apps = app_layout(layout, tag, place.inputs, versions=VERSIONS, files=files)
    tags = [BASE, *(app(number + 1) for number in range(VERSIONS))]
    used = tags if "twenty" in wanted else [BASE, OLD, NEW]
    own_bytes = files * FILE_BYTES
    with published(apps, used, place.inputs, own_bytes=own_bytes) as versions:
        results = []
        with _directory(place.inputs / "reuse") as here:
            results += _run_on(here, wanted, versions, used, place)
        if missing := missing_for_xfs():
            place.say(f"XFS left out, missing: {', '.join(missing)}")
        else:
            with xfs(place.inputs, XFS_BYTES) as there:
                results += _run_on(there, wanted, versions, used, place, is_xfs=True)
    return results


@contextmanager
def _directory(path: Path) -> Iterator[Path]:
    """Make an empty directory that goes when the block ends."""
    shutil.rmtree(path, ignore_errors=True)  # what one left who was killed
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _run_on(
    directory: Path,
    names: Collection[str],
    versions: Versions,
    tags: Sequence[str],
    place: Place,
    *,
    is_xfs: bool = False,
) -> list[Result]:
    """Run workloads on the filesystem of `directory`."""
    fresh = fill(directory / "fresh", versions, tags)
    ground = Ground(
        directory=directory,
        is_xfs=is_xfs,
        filesystem=type_of(directory),
        versions=versions,
        fresh=fresh,
        none=KeptStates(fresh),
        place=replace(place, run=directory / "run"),
    )
    results = []
    if "rebuild" in names or "again" in names:
        with _directory(directory / "before") as kept:
            before = converted_before(versions, OLD, NEW, ground.fresh, kept)
            if "rebuild" in names:
                results += _rebuild(ground, before)
            if "again" in names:
                results += _again(ground, before)
    if "twenty" in names:
        results += _twenty(ground)
    return results


def _rebuild(ground: Ground, before: Before) -> list[Result]:
    workload = Workload(
        name=ground.named("rebuild"),
        title=f"another top layer of {ground.own}, those below converted before, {ground.where}",
        contestants=rebuild(before.states.restore, before.home, before.changed_bytes),
        rounds=3,
    )
    return ground.place.compete(workload, _environ(ground, before, NEW))


def _again(ground: Ground, before: Before) -> list[Result]:
    contestants = again(before.states.restore, before.home)
    if ground.is_xfs:  # elsewhere nothing is kept the first time, unless that is asked for
        contestants += (first_time(ground.none.restore),)
    workload = Workload(
        name=ground.named("again"),
        title=f"an image that was converted before, now with --size {AGAIN_SIZE}, {ground.where}",
        contestants=contestants,
        rounds=4,
    )
    return ground.place.compete(workload, _environ(ground, before, OLD))


def _environ(ground: Ground, before: Before, tag: str) -> dict[str, str]:
    return {
        **ground.environ(tag),
        "CACHE": str(before.cache),
        "OLD": str(before.image),
        "SIZE": str(before.size_bytes >> 10),
    }


def _twenty(ground: Ground) -> list[Result]:
    one = ground.directory / "one.ext4"
    convert(ground.versions.reference(OLD), one, ground.fresh, "--reuse=never")
    size_bytes = one.stat().st_size
    parts = 0
    if ground.is_xfs:
        parts = parts_bytes(ground.versions, one, ground.fresh, VERSIONS)
    one.unlink()
    workload = Workload(
        name=ground.named("twenty"),
        title=f"{VERSIONS} images on one base, each with {ground.own} of its own, {ground.where}",
        contestants=twenty(ground.none.restore, parts),
        rounds=2 if ground.is_xfs else 1,
        warm_up=False,
    )
    environ = {**ground.environ(OLD), "SIZE": str(size_bytes >> 10)}
    return ground.place.compete(workload, environ)
