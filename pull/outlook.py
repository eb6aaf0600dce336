"""What is likely to fail, said before the first layer arrives.

How large a filesystem becomes is not known before all layers were read: one may remove what another
brought, a name may come twice, and compressed sizes promise nothing about what is in them. So no
conversion is refused for its layers' sizes, but whoever sees that it can hardly be is told at once.
What is certain is refused: too little room for blobs (`pull.fetch.room`), a size that is too small
for an empty filesystem, and one that is too small for what has come so far (`pyext4.Ext4Writer`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pull.fetch.room import free_bytes
from pull.image import PulledImage
from pyext4.sizes import format_size

__all__ = ["doubts"]


def doubts(
    image: PulledImage,
    *,
    path: Path | None,
    size_bytes: int | None,
    cache_dir: Path,
    missing_bytes: int,
) -> Iterator[str]:
    """Yield a line for each thing that makes the filesystem at `path` unlikely."""
    if path is None:
        return
    compressed = sum(layer.size for layer in image.layers)
    layers = f"{format_size(compressed)} of compressed layers"
    if size_bytes is not None and compressed > size_bytes:
        yield (
            f"{layers} will hardly fit into {format_size(size_bytes)}:"
            " only if they remove much of what they bring"
        )
    directory = path.absolute().parent
    if not directory.is_dir():
        return  # an error of its own, soon
    free = free_bytes(directory)
    missing = missing_bytes
    if missing and cache_dir.is_dir() and directory.stat().st_dev != cache_dir.stat().st_dev:
        missing = 0  # which goes to another disk
    if free is not None and compressed + missing > free:
        also = f", and {format_size(missing)} to download," if missing else ""
        yield (f"{layers}{also} will hardly find room in {directory}, free: {format_size(free)}")
