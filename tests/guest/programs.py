"""Compiles the tests' own freestanding programs, as the guest's init is compiled."""

from __future__ import annotations

import shutil
from pathlib import Path

from pull.guest import build
from tests.oracle_tools import need, refuse

__all__ = ["compiled"]

HERE = Path(__file__).parent
LIBRARY = [build.HERE / "text.c", build.HERE / "words.c"]


def compiled(name: str, machine: str, directory: Path) -> Path:
    """Compile `NAME.c` of this folder; skip the test where no compiler is."""
    need("gcc", "aarch64-linux-gnu-gcc")
    output = directory / f"{name}-{machine}"
    for compiler in build.compilers(machine):
        if shutil.which(compiler[0]):
            problem = build.link(compiler, machine, [HERE / f"{name}.c", *LIBRARY], output)
            assert problem == ""
            return output
    refuse(f"no compiler for {machine}")
