"""Compile the guest's init for each architecture that has a compiler here.

setup.py runs this file beside the extensions; it needs only the standard library. The init is
freestanding, so a cross compiler without a C library is enough: Debian's
gcc-aarch64-linux-gnu, or PyPI's ziglang, which compiles for both.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["FLAGS", "MACHINES", "SOURCES", "WARNINGS", "build", "compilers", "flags_for", "link"]

HERE = Path(__file__).resolve().parent
SOURCES = tuple(
    f"{name}.c"
    for name in (
        "boot",
        "child",
        "command_line",
        "console",
        "grow",
        "init",
        "mounts",
        "network",
        "overlay",
        "text",
        "watch",
        "words",
    )
)

MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine of elf(5)

# no libc, no start files, no paths or dates in the output: the same compiler makes the same bytes
FLAGS = (
    *("-std=c11", "-Os", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-fno-pie"),
    *("-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-ffunction-sections"),
    *("-fdata-sections", "-static", "-nostdlib", "-no-pie"),
    "-Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,norelro,-s",
)
MACHINE_FLAGS = {"x86_64": ("-fcf-protection=none",), "aarch64": ("-mno-outline-atomics",)}
GCC_FLAGS = ("-fno-tree-loop-distribute-patterns",)  # text.c says why
ZIG_FLAGS = ("-fno-sanitize=all", "-g0")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-fanalyzer")


def build(directory: Path) -> dict[str, str]:
    """Write `init-x86_64` and `init-aarch64` into the directory, if there are compilers for them.

    Returns:
        What was not built, by architecture, with the last compiler's message.
    """
    missing = {}
    for machine in MACHINES:
        problem = "no compiler found"
        for compiler in compilers(machine):
            sources = [HERE / name for name in SOURCES]
            problem = link(compiler, machine, sources, directory / f"init-{machine}")
            if not problem:
                break
        if problem:
            missing[machine] = problem
            (directory / f"init-{machine}").unlink(missing_ok=True)  # from an older source
    return missing


def compilers(machine: str) -> Iterator[list[str]]:
    """Yield commands that may compile for the architecture, the most likely first."""
    if platform.machine() in (machine, {"aarch64": "arm64"}.get(machine)):
        yield shlex.split(os.environ.get("CC") or "cc")
        yield ["gcc"]
    yield [f"{machine}-linux-gnu-gcc"]
    # PyPI's ziglang: as a module, or as the program that pip's own environment for builds can see
    target = ["cc", "-target", f"{machine}-linux-musl"]
    if importlib.util.find_spec("ziglang") is not None:
        yield [sys.executable, "-m", "ziglang", *target]
    yield ["python-zig", *target]
    yield ["zig", *target]


def flags_for(compiler: list[str], machine: str) -> list[str]:
    """Return this compiler's flags for this architecture."""
    own = ZIG_FLAGS if "-target" in compiler else GCC_FLAGS
    return [*FLAGS, *MACHINE_FLAGS[machine], *own]


def link(compiler: list[str], machine: str, sources: list[Path], output: Path) -> str:
    """Compile the sources into a program, which appears complete or not at all.

    Returns:
        What went wrong; empty if nothing did.
    """
    if shutil.which(compiler[0]) is None:
        return f"{compiler[0]}: not found"
    with tempfile.TemporaryDirectory(dir=output.parent) as work:
        made = Path(work) / "program"
        command = [*compiler, *flags_for(compiler, machine), f"-I{HERE}", "-o", str(made)]
        done = subprocess.run(  # noqa: S603 - the user's compiler, our own words
            [*command, *map(str, sources)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            return f"{compiler[0]}: {done.stderr.strip()}"
        header = made.read_bytes()[:20]
        if header[:4] != b"\x7fELF" or int.from_bytes(header[18:20], "little") != MACHINES[machine]:
            return f"{compiler[0]}: does not compile for Linux on {machine}"
        made.chmod(0o755)
        made.replace(output)
    return ""
