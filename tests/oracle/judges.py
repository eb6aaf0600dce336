"""What e2fsck and dumpe2fs say about an image, in a form that a test can assert."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.oracle_tools import need

__all__ = ["complaints", "features"]

# what e2fsck prints about an image that it has nothing to say about
SILENCE = (
    re.compile(r"e2fsck [0-9.]+ \(.*\)"),
    re.compile(r"Pass [1-5]: Checking .*"),
    re.compile(r".*: [0-9]+/[0-9]+ files \([0-9.]+% non-contiguous\), [0-9]+/[0-9]+ blocks"),
)


def complaints(image: Path) -> list[str]:
    """List every line of `e2fsck -fn` that is more than its progress; none means clean."""
    need("e2fsck")
    done = subprocess.run(
        ["e2fsck", "-fn", str(image)], check=False, capture_output=True, text=True
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    words = [line for line in lines if not any(known.fullmatch(line) for known in SILENCE)]
    if done.returncode != 0 and not words:
        words = [f"exit status {done.returncode}"]
    return words


def features(image: Path) -> set[str]:
    """Read the feature names that dumpe2fs shows."""
    need("dumpe2fs")
    shown = subprocess.run(
        ["dumpe2fs", "-h", str(image)], check=True, capture_output=True, text=True
    ).stdout
    (line,) = re.findall(r"^Filesystem features: +(.*)$", shown, re.MULTILINE)
    return set(line.split())
