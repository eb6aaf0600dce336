"""Whether a disk has room for what is still to be downloaded: known before the first byte.

A descriptor's size is exact, so too little room for blobs is certain. It is not so for what becomes
of them: layers may remove what others brought, and nobody knows before all of them were read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pull.cache import Cache
from pull.errors import NoRoomError
from pull.spec.manifest import Descriptor

__all__ = ["check_room", "free_bytes", "missing_bytes"]

_SECTOR_BYTES = 512  # the unit of st_blocks


def free_bytes(directory: Path) -> int | None:
    """Return how much this process can write there; None where the filesystem does not tell.

    Blocks that are reserved for root count for root only.
    """
    found = os.statvfs(directory)
    if not found.f_blocks:  # such as some network filesystems
        return None
    blocks = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return blocks * found.f_frsize


def missing_bytes(cache: Cache, layers: Sequence[Descriptor]) -> int:
    """Return how many bytes of layers are yet to be written: neither there nor begun."""
    missing = {each.digest: each for each in layers if not cache.has(each.digest, each.size)}
    return sum(max(0, each.size - _begun(cache, each)) for each in missing.values())


def check_room(cache: Cache, layers: Sequence[Descriptor]) -> None:
    """Refuse to begin what can't end.

    Raises:
        NoRoomError: There is less room than is needed for sure.
    """
    # a filesystem that compresses may store a plain tar in less than its size
    sure = [each for each in layers if not each.media_type.endswith((".tar", "+tar"))]
    needed = missing_bytes(cache, sure)
    free = free_bytes(cache.directory) if needed else None
    if free is not None and needed > free:
        raise NoRoomError(cache.directory, needed_bytes=needed, free_bytes=free)


def _begun(cache: Cache, descriptor: Descriptor) -> int:
    try:
        found = cache.partial_path(descriptor.digest).stat()
    except FileNotFoundError:
        return 0
    return max(found.st_size, found.st_blocks * _SECTOR_BYTES)
