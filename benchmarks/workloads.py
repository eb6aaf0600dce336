"""What is measured: each workload's inputs, contestants and rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.contest import Contestant, Result, Workload
from benchmarks.inputs import (
    Image,
    big_file,
    convert,
    image_inputs,
    ready_tree,
    small_files,
)
from benchmarks.peers import (
    COLD_PEERS,
    FLOOR,
    MKE2FS,
    OURS,
    OURS_COLD,
    OURS_PULL,
    OURS_PURE,
    SKOPEO,
    UMOCI,
    library,
    mke2fs,
)
from benchmarks.place import Place

__all__ = [
    "IMAGE_WORKLOADS",
    "LIBRARY_WORKLOADS",
    "run_images",
    "run_library",
]

ENTRY_COUNTS = (1_000, 10_000, 100_000, 1_000_000)
BIG_BYTES = 8 << 30


IMAGE_NAMES = {"two": "Debian image of two layers", "full": "Debian image of five layers"}

IMAGE_WORKLOADS = {
    "cached": Workload(
        name="cached",
        title="{image}, blobs cached",
        contestants=(OURS, FLOOR, UMOCI, MKE2FS),
        rounds=4,
    ),
    "cold": Workload(
        name="cold",
        title="{image} from a registry on loopback, nothing cached",
        contestants=(OURS_COLD, OURS, *COLD_PEERS),
        rounds=4,
    ),
    "pure": Workload(
        name="pure",
        title="{image}, blobs cached, without compiled code",
        contestants=(OURS, OURS_PURE),
        rounds=4,
    ),
    "pull": Workload(
        name="pull",
        title="{image}, download alone",
        contestants=(OURS_PULL, SKOPEO),
        rounds=4,
    ),
    "zstd": Workload(
        name="zstd",
        title="{image} with zstd layers, blobs cached",
        contestants=(OURS, FLOOR),
        rounds=6,
    ),
}


def run_images(names: list[str], layout: Path, tag: str, place: Place) -> list[Result]:
    """Run the image workloads in `names`."""
    results = []
    for variant in (tag, f"{tag}-zstd"):
        wanted = [
            workload
            for name, workload in IMAGE_WORKLOADS.items()
            if name in names and (name == "zstd") == (variant != tag)
        ]
        if not wanted:
            continue
        with image_inputs(layout, variant, place.inputs) as image:
            environ = image.environ() | {"SIZE": str(_size_of_ours(image) >> 10)}
            if any(MKE2FS in workload.contestants for workload in wanted):
                environ["TREE"] = str(ready_tree(image))
            for workload in wanted:
                titled = replace(workload, title=workload.title.format(image=IMAGE_NAMES[tag]))
                results += place.compete(titled, environ)
    return results


def _size_of_ours(image: Image) -> int:
    """Make the image once to fill the cache; return its size in bytes."""
    out = convert(image.reference, image.place / "first.ext4", image.cache)
    size = out.stat().st_size
    out.unlink()
    return size


def _flat(inputs: Path) -> Workload:
    tree = small_files(inputs, 1, 50_000, 0)
    peer = mke2fs(tree, 512 << 20, 60_000, rounds=1)  # more than a minute
    return Workload(
        name="flat",
        title="one directory of 50,000 empty files (library call)",
        contestants=(library("ours", "flat", 50_000), peer),
        rounds=3,
        warm_up=False,
    )


def _small(inputs: Path) -> Workload:
    tree = small_files(inputs, 200, 500, 1_000)
    return Workload(
        name="small",
        title="200 directories of 500 files of 1,000 bytes, from the host (library call)",
        contestants=(library("ours", "host", tree), mke2fs(tree, 1 << 30, 120_000)),
        rounds=3,
    )


def _entries(_: Path) -> Workload:
    return Workload(
        name="entries",
        title="files of 100 bytes in directories of 1,000 entries (library call)",
        contestants=tuple(
            library(f"{count} entries", "entries", count) for count in reversed(ENTRY_COUNTS)
        ),
        rounds=2,
        warm_up=False,
    )


def _big(inputs: Path) -> Workload:
    source = big_file(inputs, BIG_BYTES)
    copy = f'cp --sparse=never --reflink=never "{source}" copy; sync copy'
    return Workload(
        name="big",
        title="one file of 8 GiB of random bytes, from the host (library call)",
        contestants=(
            library("ours", "file", source),
            Contestant(name="cp, then sync", script=copy),
        ),
        rounds=2,
    )


LIBRARY_WORKLOADS: dict[str, Callable[[Path], Workload]] = {
    "flat": _flat,
    "small": _small,
    "entries": _entries,
    "big": _big,
}


def run_library(names: list[str], place: Place) -> list[Result]:
    """Run the library workloads in `names`."""
    results = []
    place.inputs.mkdir(parents=True, exist_ok=True)
    for name, make in LIBRARY_WORKLOADS.items():
        if name in names:
            results += place.compete(make(place.inputs), {})
    return results
