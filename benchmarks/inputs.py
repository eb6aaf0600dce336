"""The inputs of the workloads: an image in a layout and a registry, ready trees, a big file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.make_images import tags
from tests.registry_server import push, running_registry

__all__ = ["CHECKOUT", "Image", "big_file", "convert", "image_inputs", "ready_tree", "small_files"]

CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One real image, in every place that a contestant needs it."""

    layout: Path
    tag: str
    reference: str  # at a registry on loopback
    registry: Path  # where the registry keeps its blobs
    cache: Path  # has all blobs of the reference
    place: Path  # where inputs are kept

    def environ(self) -> dict[str, str]:
        """Return the variables for the shell scripts of the contestants."""
        return {
            "LAYOUT": str(self.layout),
            "TAG": self.tag,
            "REF": self.reference,
            "REGISTRY": str(self.registry),
            "CACHE": str(self.cache),
        }


@contextmanager
def image_inputs(layout: Path, tag: str, place: Path) -> Iterator[Image]:
    """Run a registry that has the image, until the block ends."""
    place.mkdir(parents=True, exist_ok=True)
    with running_registry(place) as registry:
        push(registry, f"oci:{layout}:{tag}", f"real:{tag}")
        cache = place / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        yield Image(
            layout=layout.absolute(),
            tag=tag,
            reference=f"{registry.address}/real:{tag}",
            registry=registry.storage,
            cache=cache,
            place=place,
        )


def convert(reference: str, out: Path, cache: Path, *options: str) -> Path:
    """Make an image with ours, as an input or to fill the cache; return `out`."""
    command = [sys.executable, "-m", "pull", reference, str(out), "--quiet", *options]
    environ = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    subprocess.run([*command, "--cache-dir", str(cache)], check=True, env=environ)
    return out


def ready_tree(image: Image) -> Path:
    """Unpack the image once, for contestants that start from a directory."""
    digest = tags(image.layout)[image.tag].removeprefix("sha256:")
    bundle = image.place / f"tree-{image.tag}-{digest[:12]}"
    if not bundle.exists():
        source = f"{image.layout}:{image.tag}"
        subprocess.run(
            ["umoci", "unpack", "--image", source, str(bundle)], check=True, capture_output=True
        )
    return bundle / "rootfs"


def small_files(place: Path, directories: int, files: int, size_bytes: int) -> Path:
    """Make `directories` with `files` files each, of random bytes."""
    root = place / f"files-{directories}-{files}-{size_bytes}"
    if root.exists():
        return root
    making = place / "making"
    shutil.rmtree(making, ignore_errors=True)
    for number in range(directories):
        folder = making / f"directory-{number:04}"
        folder.mkdir(parents=True)
        for name in range(files):
            (folder / f"file-{name:06}").write_bytes(os.urandom(size_bytes))
    making.rename(root)
    return root


def big_file(place: Path, size_bytes: int) -> Path:
    """Make one file of random bytes."""
    path = place / f"random-{size_bytes}"
    if not path.exists() or path.stat().st_size != size_bytes:
        with path.open("wb") as file:
            for _ in range(size_bytes >> 20):
                file.write(os.urandom(1 << 20))
    return path
