"""The init as bytes: the program that was compiled for an architecture, and the script."""

from __future__ import annotations

from pathlib import Path

from pull.guest.init.errors import NoInitError

__all__ = ["init_binary", "init_script"]

HERE = Path(__file__).parent

# the names of image configs, and those of uname(2)
MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def init_binary(architecture: str) -> bytes:
    """Return the init for an image config's `architecture`, a static ELF program.

    Raises:
        NoInitError: the architecture is neither x86_64 nor aarch64, or had no compiler.
    """
    machine = MACHINES.get(architecture)
    if machine is None:
        raise NoInitError(architecture, "there is one for amd64 and one for arm64")
    try:
        return (HERE / f"init-{machine}").read_bytes()
    except FileNotFoundError:
        raise NoInitError(
            architecture,
            f"install a compiler for it (Debian: gcc-{machine.replace('_', '-')}-linux-gnu; "
            "or pip install ziglang, with its python-zig in PATH), then install pyext4 again from "
            "its source",
        ) from None


def init_script() -> bytes:
    """Return the init for images with /bin/sh and mount, whatever their architecture."""
    return (HERE / "init.sh").read_bytes()
