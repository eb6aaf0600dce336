"""Signals from the first moment: importing a program takes longer than some users wait.

`python -m pull` imports the package before its `__main__`, and so do the console scripts. Until
the program handles signals itself, they end it at once: there is nothing to clean up yet. Programs
that import the package as a library keep their own handlers.

The collector of cycles is off from here on: what imports make stays, and it would search all of
that again and again.
"""

from __future__ import annotations

import gc
import os
import sys
from itertools import pairwise

__all__ = ["is_program"]

_MODULES = ("pull", "pull.cache")
_SCRIPTS = ("pyext4-pull", "pyext4-cache")


def is_program() -> bool:
    """Tell whether this process was started to run one of the package's programs."""
    if sys.argv[:1] == ["-m"]:  # runpy sets this while it imports the package
        words = sys.orig_argv
        return any(f"-m{name}" in words for name in _MODULES) or any(
            option == "-m" and name in _MODULES for option, name in pairwise(words)
        )
    return os.path.basename(sys.argv[0] if sys.argv else "") in _SCRIPTS  # noqa: PTH119  # no pathlib yet


if is_program():
    gc.disable()
    from pull.process.program import end_at_signals

    end_at_signals()
