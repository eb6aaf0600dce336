"""What a program calls itself: the name that it was called by."""

from __future__ import annotations

import os
import sys

__all__ = ["called_by"]


def called_by(module: str) -> str:
    """Return `python -m MODULE`, or the name of the console script, as the user typed it.

    `python -m` puts the path of the module's file into the first argument, a script its own path.
    """
    name = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119  # pathlib is slow
    is_module = name in ("", "-m", "-c", "__main__.py")
    return f"python -m {module}" if is_module else name
