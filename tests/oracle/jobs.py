"""The images that are pulled for judging, and what a pull leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.ordinary_user import CHECKOUT

__all__ = ["SOURCES", "Job"]

SOURCES = {
    "example": (CHECKOUT / "examples/layout", "demo"),
    "debian": (CHECKOUT / ".images/real", "two"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One finished main job: the image's name, the reference asked for, and the ext4 file."""

    name: str
    reference: str
    image: Path
