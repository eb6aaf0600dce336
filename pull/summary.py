"""What a finished conversion says of itself, for people and as JSON: the same facts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pull.sizes import format_size

__all__ = ["Filesystem", "Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filesystem:
    """What is known of OUT.ext4; sizes in bytes."""

    files: int  # everything but the root directory and /lost+found, hard links once
    output: str
    size_bytes: int
    used_bytes: int
    free_bytes: int
    uuid: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The facts; times in seconds."""

    reference: str
    digest: str
    platform: str
    layers: int
    filesystem: Filesystem | None  # None: no OUT.ext4 was asked for
    exports: dict[str, str]  # the file of --tar and of --mtree
    boots: str | None  # what a machine starts; None: nobody looked
    seconds: dict[str, float]  # by phase, in order; they don't overlap

    def as_json(self) -> str:
        """Return the facts as one flat JSON object."""
        facts = asdict(self)
        filesystem = facts.pop("filesystem") or {}
        seconds = facts.pop("seconds")
        return json.dumps({**facts, **filesystem, "seconds": seconds}, indent=2)

    def as_text(self) -> str:
        """Return the facts as a few lines."""
        total = sum(self.seconds.values())
        phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in self.seconds.items())
        made = self.filesystem
        files = "" if made is None else f", {_count(made.files, 'file')}"
        lines = [
            ("image", self.reference),
            ("digest", self.digest),
            ("platform", self.platform),
            ("content", f"{_count(self.layers, 'layer')}{files}"),
        ]
        if made is not None:
            sizes = (
                f"{format_size(made.size_bytes)}, "
                f"{format_size(made.used_bytes)} used, {format_size(made.free_bytes)} free"
            )
            lines.append(("written", f"{made.output} ({sizes})"))
            lines.append(("uuid", f"{made.uuid} {made.label}".rstrip()))
        if self.boots is not None:
            lines.append(("boots", self.boots))
        lines += self.exports.items()
        lines.append(("time", f"{total:.1f} s ({phases})"))
        return "\n".join(f"{name + ':':<10}{value}" for name, value in lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
