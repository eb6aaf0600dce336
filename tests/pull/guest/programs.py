"""Compile the tests' freestanding programs in the same way as the guest's init."""

from __future__ import annotations

import shutil
from pathlib import Path

from pull.guest.init import build
from tests.oracle_tools import need

__all__ = ["compiled"]

HERE = Path(__file__).parent
LIBRARY = [build.HERE / "text.c", build.HERE / "words.c"]


def compiled(name: str, machine: str, directory: Path) -> Path:
    """Compile `NAME.c` of this folder; skip the test where a compiler is missing."""
    need("gcc", "aarch64-linux-gnu-gcc")
    output = directory / f"{name}-{machine}"
    compiler = next(words for words in build.compilers(machine) if shutil.which(words[0]))
    assert build.link(compiler, machine, [HERE / f"{name}.c", *LIBRARY], output) == ""
    return output
