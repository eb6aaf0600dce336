"""Python's cycle collector, paused while many values are made that are not part of a cycle.

It looks at new containers after every 700 of them, and at all containers whenever these have grown
by a quarter. For a tree that only grows this finds nothing, and it took half of the time spent on
making nodes. The pause affects the whole process, so don't wait for anything during it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_collection"]


@contextmanager
def no_collection() -> Iterator[None]:
    """Prevent garbage collection from starting within the block, in any thread."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
