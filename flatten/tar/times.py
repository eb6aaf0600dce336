"""The times that ext4 can hold: 34 bits of seconds from 1901-12-13, to 2446-05-10.

Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps". Writers that mean "no time" write
the year 1 (Go's zero time) or 9999. We take the nearest time, like the kernel, which clamps what
utimensat(2) sets to the filesystem's range (timestamp_truncate, fs/inode.c).
"""

from __future__ import annotations

from flatten.left_out import Counted

__all__ = ["FIRST_NS", "LAST_NS", "within_ext4"]

FIRST_NS = -(1 << 31) * 1_000_000_000
LAST_NS = ((1 << 34) - (1 << 31)) * 1_000_000_000 - 1
_LAST_SECOND_NS = LAST_NS // 1_000_000_000 * 1_000_000_000
_CLAMPED: Counted = ((("time", "outside 1901..2446"), 1),)


def within_ext4(time_ns: int) -> tuple[int, Counted]:
    """Return the nearest time that ext4 has, and a note if it differs."""
    if FIRST_NS <= time_ns <= LAST_NS:
        return time_ns, ()
    return (FIRST_NS if time_ns < FIRST_NS else _LAST_SECOND_NS), _CLAMPED
