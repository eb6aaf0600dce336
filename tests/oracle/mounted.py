"""An image mounted by the kernel, for as long as a test needs it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.oracle_tools import need, need_root

__all__ = ["mounted"]


@contextmanager
def mounted(image: Path, place: Path, options: str = "ro") -> Iterator[Path]:
    """Mount `image` over a loop device on the directory `place`, which is made; yield it."""
    need("mount", "umount")
    need_root()
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "ext4", "-o", f"loop,{options}", str(image), str(place)]
    subprocess.run(command, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
