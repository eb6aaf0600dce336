"""How an oracle test asks for the programs that judge it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

__all__ = ["need", "need_file", "need_root"]


def need(*programs: str) -> None:
    """Skip the calling test where a program is missing; fail it in CI, where none may be."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        _refuse(f"not installed: {', '.join(missing)}")


def need_file(path: Path, made_by: str) -> None:
    """Skip the calling test where a file that a script makes is missing; fail it in CI."""
    if not path.exists():
        _refuse(f"{path} is missing; {made_by} makes it")


def need_root() -> None:
    """Skip the calling test where it can't mount or make devices; fail it in CI."""
    if os.geteuid() != 0:
        _refuse("needs root")


def _refuse(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
