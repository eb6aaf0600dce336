"""Cap times, as GNU tar's `--mtime=... --clamp-mtime` does.

"The value MUST be [...] MUST use a timestamp no later than the value of this variable."
https://reproducible-builds.org/specs/source-date-epoch/
"""

from __future__ import annotations

from dataclasses import replace

from pyext4.editing.metadata import change_metadata
from pyext4.tree import Metadata, Tree

__all__ = ["clamp_times"]


def clamp_times(tree: Tree, latest_ns: int) -> int:
    """Lower every time that is later than `latest_ns` to it; return how many nodes had one.

    Nanoseconds since 1970. All four times are looked at: mtime, atime, ctime and crtime. Earlier
    ones stay as they are.

    Raises:
        ContentError: a directory has two names.
    """

    def lowered(time_ns: int | None) -> int | None:
        return time_ns if time_ns is None else min(time_ns, latest_ns)

    def clamped(meta: Metadata) -> Metadata:
        times = (meta.mtime_ns, meta.atime_ns, meta.ctime_ns, meta.crtime_ns)
        if all(time is None or time <= latest_ns for time in times):
            return meta
        return replace(
            meta,
            mtime_ns=min(meta.mtime_ns, latest_ns),
            atime_ns=lowered(meta.atime_ns),
            ctime_ns=lowered(meta.ctime_ns),
            crtime_ns=lowered(meta.crtime_ns),
        )

    return change_metadata(tree, clamped)
