"""Python's cycle collector, held off while many values are made that are no part of a cycle.

It looks at new containers after every 700 of them and at all there are whenever these have grown
by a quarter, which for a tree that only grows is in vain: it took half of the time in which nodes
are made. The pause is the whole process's, so nothing is waited for in it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_collection"]


@contextmanager
def no_collection() -> Iterator[None]:
    """Let no garbage collection begin within the block, in any thread."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
