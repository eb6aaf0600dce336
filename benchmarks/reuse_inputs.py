"""What runs that start from kept states find on a filesystem: caches, states, an old image."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.app_images import BASE
from benchmarks.changed_blocks import changed_bytes
from benchmarks.filesystems import file_bytes
from benchmarks.inputs import convert
from benchmarks.kept_states import KeptStates, cache_without_states
from pull import pull
from tests.registry_server import push, running_registry

__all__ = ["Before", "Versions", "converted_before", "fill", "parts_bytes", "published"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The images of `app_images`, in a layout and at a registry on loopback."""

    layout: Path
    repository: str
    registry: Path  # where the registry keeps its blobs
    own_bytes: int  # of files that a version has and no other

    def reference(self, tag: str) -> str:
        """Name one at the registry."""
        return f"{self.repository}:{tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is left of earlier conversions; all on one filesystem."""

    cache: Path  # has all blobs, and the states of the base and of an old version
    states: KeptStates  # of this cache
    image: Path  # the old version
    size_bytes: int  # of the new version's image
    changed_bytes: int  # in the new version's image
    home: Path  # of microsandbox, which has kept the old version's layers


@contextmanager
def published(
    layout: Path, tags: Sequence[str], place: Path, *, own_bytes: int
) -> Iterator[Versions]:
    """Run a registry that has these images, until the block ends."""
    with running_registry(place) as registry:
        for tag in tags:
            push(registry, f"oci:{layout}:{tag}", f"apps:{tag}")
        yield Versions(
            layout=layout,
            repository=f"{registry.address}/apps",
            registry=registry.storage,
            own_bytes=own_bytes,
        )


def fill(cache: Path, versions: Versions, tags: Sequence[str]) -> Path:
    """Make a cache with the blobs of these images, and no states."""
    shutil.rmtree(cache, ignore_errors=True)
    for tag in tags:
        with pull(versions.reference(tag), cache_dir=cache) as image:
            image.fetch()
    return cache


def converted_before(
    versions: Versions, old: str, new: str, fresh: Path, directory: Path
) -> Before:
    """Convert the base and an old version, and keep their states, in an empty directory.

    `fresh` has the blobs.
    """
    cache = cache_without_states(fresh, directory / "cache")
    convert(versions.reference(BASE), directory / "base.ext4", cache, "--keep").unlink()
    image = convert(versions.reference(old), directory / "old.ext4", cache, "--keep")
    states = KeptStates(cache)
    changed = convert(versions.reference(new), directory / "new.ext4", fresh, "--reuse=never")
    before = Before(
        cache=cache,
        states=states,
        image=image,
        size_bytes=changed.stat().st_size,
        changed_bytes=changed_bytes(image, changed),
        home=directory / "home",
    )
    changed.unlink()
    if shutil.which("msb") is not None:
        _microsandbox_keeps(versions.reference(old), before.home)
    return before


def parts_bytes(versions: Versions, image: Path, fresh: Path, count: int) -> int:
    """Sum what `count` images on one base must occupy: the base's files once, and the rest of each.

    `image` is one of them, which shares no blocks; the others are as large. The rest is all that it
    occupies beside the base's files: its own files, and the metadata for all of them.
    """
    base = convert(versions.reference(BASE), image.with_name("base.ext4"), fresh, "--reuse=never")
    shared = file_bytes(base)
    base.unlink()
    return shared + count * (image.stat().st_blocks * 512 - shared)


def _microsandbox_keeps(reference: str, home: Path) -> None:
    """Let microsandbox keep an image's layers as EROFS, without an ext4 image of them."""
    home.mkdir()
    keep = ["msb", "pull", "--quiet", "--insecure", "--materialize", "layered", reference]
    subprocess.run(["env", f"HOME={home}", *keep], check=True, capture_output=True)
