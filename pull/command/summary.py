"""What a finished conversion says of itself, for people and as JSON: the same facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pull.spec.sizes import format_size

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
    backend: str  # native or pure
    layers: int
    filesystem: Filesystem | None  # None: no OUT.ext4 was asked for
    exports: dict[str, str]  # the file of --tar and of --mtree
    left_out: Mapping[tuple[str, str], int]  # how many of what: ("attribute", "com.apple.*")
    boots: str | None  # what a machine starts; None: nobody looked
    seconds: dict[str, float]  # by phase, in order; they don't overlap

    def as_json(self) -> str:
        """Return the facts as one flat JSON object."""
        facts = asdict(self)
        filesystem = facts.pop("filesystem") or {}
        facts["left_out"] = {f"{what}s {which}": n for (what, which), n in self.left_out.items()}
        seconds = facts.pop("seconds")
        return json.dumps({**facts, **filesystem, "seconds": seconds}, indent=2)

    def as_lines(self) -> list[str]:
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
        if self.left_out:
            counts = (f"{_count(n, what)} {which}" for (what, which), n in self.left_out.items())
            lines.append(("left out", ", ".join(counts)))
        lines.append(("backend", self.backend))
        lines.append(("time", f"{total:.1f} s ({phases})"))
        return [f"{name + ':':<10}{value}" for name, value in lines]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
