"""How much an image may hold before it is treated as an attack or an accident."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds over all layers together, except where the field says otherwise."""

    total_bytes: int = 1 << 40  # uncompressed
    file_bytes: int = 1 << 44  # of one file, holes included: the largest that ext4 has
    entries: int = 20_000_000
    depth: int = 1024  # components of one path
    # Of one extended header and one sparse map, as in Go's archive/tar, and of the global records
    # in force
    header_bytes: int = 1 << 20
    xattrs: int = 512  # of one file: ext4 keeps them in 4 KiB, with room for about 200
    # Uncompressed over compressed bytes of one layer, once it has given `ratio_after_bytes`:
    # deflate reaches 1032 on zeros, and a file of zeros is legitimate up to some size.
    ratio: int = 1000
    ratio_after_bytes: int = 1 << 30
