"""The version: the one place that states it, for the wheel, the packages and `--version`.

A constant, and not the installed metadata: a checkout that nobody installed has a version too, and
reading metadata takes longer than all else that `--version` does. setuptools reads it from here.
"""

from __future__ import annotations

from typing import Final

__all__ = ["__version__"]

__version__: Final = "0.1.0"
