"""What `--version` says: everything that a report of a fault should name."""

from __future__ import annotations

import os
import platform
import sysconfig

from pyext4.version import __version__

__all__ = ["describe"]


def describe(backend: str) -> str:
    """Return the versions of the package, of Python and of the C library, and the backend."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"pyext4 {__version__}, Python: {python}, libc: {_libc()}, backend: {backend}"


def _libc() -> str:
    try:
        found = os.confstr("CS_GNU_LIBC_VERSION")  # such as: glibc 2.36
    except (ValueError, OSError):  # a C library that knows no such name: musl
        found = None
    if found:
        return found
    name, version = platform.libc_ver()
    if name:
        return f"{name} {version}".rstrip()
    host = str(sysconfig.get_config_var("HOST_GNU_TYPE") or "")
    return "musl" if "musl" in host else "unknown"
