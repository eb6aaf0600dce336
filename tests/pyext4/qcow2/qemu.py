"""qemu-img judges a qcow2 image: its structures, and the disk that it shows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["agrees", "qemu_img", "said_by"]


def qemu_img(*arguments: str | Path) -> str:
    run = subprocess.run(["qemu-img", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def said_by(command: str, path: Path) -> Any:  # noqa: ANN401  # JSON
    return json.loads(qemu_img(command, "--output=json", path))


def agrees(path: Path, image: Path, converted: Path) -> None:
    """No error, no leak, and the disk is the raw image byte for byte, up to a whole sector."""
    checked = said_by("check", path)
    assert checked["check-errors"] == 0
    assert not {"leaks", "corruptions"} & checked.keys()
    assert checked["image-end-offset"] == path.stat().st_size
    qemu_img("convert", "-f", "qcow2", "-O", "raw", path, converted)
    raw = image.read_bytes()
    assert converted.read_bytes() == raw + bytes(-len(raw) % 512)
