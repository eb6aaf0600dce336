"""What a finished conversion says of itself, for people and as JSON: the same facts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pull.sizes import format_size

__all__ = ["Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The facts; sizes in bytes, times in seconds."""

    reference: str
    digest: str
    platform: str
    layers: int
    files: int  # everything but the root directory and /lost+found, hard links once
    output: str
    size_bytes: int
    used_bytes: int
    free_bytes: int
    uuid: str
    label: str
    seconds: dict[str, float]  # by phase, in order; they don't overlap

    def as_json(self) -> str:
        """Return the facts as one JSON object."""
        return json.dumps(asdict(self), indent=2)

    def as_text(self) -> str:
        """Return the facts as a few lines."""
        total = sum(self.seconds.values())
        phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in self.seconds.items())
        sizes = (
            f"{format_size(self.size_bytes)}, "
            f"{format_size(self.used_bytes)} used, {format_size(self.free_bytes)} free"
        )
        lines = [
            ("image", self.reference),
            ("digest", self.digest),
            ("platform", self.platform),
            ("content", f"{_count(self.layers, 'layer')}, {_count(self.files, 'file')}"),
            ("written", f"{self.output} ({sizes})"),
            ("uuid", f"{self.uuid} {self.label}".rstrip()),
            ("time", f"{total:.1f} s ({phases})"),
        ]
        return "\n".join(f"{name + ':':<10}{value}" for name, value in lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
