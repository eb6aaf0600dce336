"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.filesystems import type_of

__all__ = ["describe"]

PROGRAMS = {
    "mke2fs": ["mke2fs", "-V"],
    "umoci": ["umoci", "--version"],
    "skopeo": ["skopeo", "--version"],
    "msb": ["msb", "--version"],
    "docker-registry": ["docker-registry", "--version"],
    "crane": ["crane", "version"],
}
DISTRIBUTIONS = ("pyext4", "isal", "backports.zstd", "cffi", "construct")


def describe(place: Path) -> dict[str, str]:
    """Collect the facts that the figures depend on; `place` is where the images went."""
    facts = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "filesystem": type_of(place),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    for name in DISTRIBUTIONS:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    for name, command in PROGRAMS.items():
        if shutil.which(name) is not None:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            facts[name] = (done.stdout + done.stderr).strip().splitlines()[0]
    return facts


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()
