"""How an oracle test asks for the programs that judge it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["need", "need_file", "need_root", "refuse"]


def need(*programs: str) -> None:
    """Skip the calling test where a program is missing; fail it in CI, where none may be."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        refuse(f"not installed: {', '.join(missing)}")


def need_file(path: Path, made_by: str) -> None:
    """Skip the calling test where a file that a script makes is missing; fail it in CI."""
    if not path.exists():
        refuse(f"{path} is missing; {made_by} makes it")


def need_root() -> None:
    """Skip the calling test where it can't mount or make devices; fail it in CI."""
    if os.geteuid() != 0:
        refuse("needs root")


def refuse(reason: str) -> NoReturn:
    """Skip the calling test for `reason`; fail it in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
