"""How much an image may hold before it is treated as an attack or an accident."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds over all layers together, except where the field says otherwise.

    Attributes:
        total_bytes: Uncompressed.
        file_bytes: Of one file, holes included; ext4 has no larger.
        entries: Of all tars.
        depth: Components of one path.
        header_bytes: Of one extended header and one sparse map, as in Go's archive/tar, and of the
            global records in force.
        xattrs: Attributes of one file. 4 KiB, where ext4 keeps them, have room for some 200.
        ratio: Uncompressed over compressed bytes of one layer, once it has given
            `ratio_after_bytes`. Deflate reaches 1032 on zeros, and a file of zeros is legitimate up
            to some size.
        ratio_after_bytes: How many uncompressed bytes have any ratio.
    """

    total_bytes: int = 1 << 40
    file_bytes: int = 1 << 44
    entries: int = 20_000_000
    depth: int = 1024
    header_bytes: int = 1 << 20
    xattrs: int = 512
    ratio: int = 1000
    ratio_after_bytes: int = 1 << 30
