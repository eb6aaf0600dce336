"""Images that have layers in common, and converting them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pull
from pull.command.request import ReuseMode
from tests.flatten import tars
from tests.flatten.oci_layouts import write_layout
from tests.flatten.tars import MemoryLayer

__all__ = ["BASE", "STACK", "converted", "digest_of", "layout_of", "numbered_file"]


def numbered_file(path: bytes, size: int, seed: int = 0) -> bytes:
    """A file whose bytes differ from block to block."""
    return tars.file(path, b"".join(b"%07d\n" % (seed + n) for n in range(size // 8 + 1))[:size])


BASE = tars.layer(
    tars.directory(b"usr", 0o755),
    *[numbered_file(b"usr/%d" % n, 3000 * n, n) for n in range(1, 40)],
    tars.hardlink(b"usr/link", b"usr/7"),
    tars.symlink(b"bin", b"usr"),
)
STACK = (
    BASE,
    tars.layer(numbered_file(b"usr/9", 50_000, 9), tars.whiteout(b"usr/20")),
    tars.layer(numbered_file(b"etc/app", 9_000, 5), tars.hardlink(b"etc/seven", b"usr/7")),
    tars.layer(tars.whiteout(b"usr/link"), numbered_file(b"bin/new", 12_345, 3)),
)


def layout_of(directory: Path, images: Sequence[Sequence[MemoryLayer]]) -> Path:
    """Write a layout whose tags are the images' numbers."""
    write_layout(directory, {str(number): image for number, image in enumerate(images)})
    return directory


def converted(
    layout: Path,
    number: int,
    out: Path,
    cache_dir: Path,
    reuse: ReuseMode = "auto",
    *,
    filesystem: pull.FilesystemOptions | None = None,
) -> pull.Converted:
    """Convert an image of a layout."""
    return pull.convert(
        f"oci:{layout}:{number}",
        out,
        platform="linux/amd64",
        cache_dir=cache_dir,
        filesystem=filesystem,
        reuse=reuse,
    )


def digest_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
