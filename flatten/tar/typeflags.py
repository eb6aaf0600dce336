"""The types of tar members, as the byte in their header.

POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

__all__ = [
    "BLOCK",
    "CHARACTER",
    "DIRECTORY",
    "FIFO",
    "GLOBAL",
    "GNU_SPARSE",
    "LINK",
    "REGULAR",
    "SYMLINK",
    "VOLUME_LABEL",
]

REGULAR, LINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO = b"0123456"
GLOBAL = ord("g")  # PAX records for all members that follow
GNU_SPARSE = ord("S")
VOLUME_LABEL = ord("V")  # names the archive, not a file: the only type that is left out
