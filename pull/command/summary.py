"""The summary of a finished conversion: the same facts for people and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from pull.command.conversion import Converted
from pyext4.sizes import format_size

if TYPE_CHECKING:
    from pyext4 import Overlay, Written

__all__ = ["Filesystem", "Summary", "Verity", "summary_of"]


class Filesystem(NamedTuple):
    """The facts about OUT.ext4; sizes in bytes."""

    files: int  # everything but the root directory and /lost+found, hard links once
    output: str
    size_bytes: int
    used_bytes: int
    free_bytes: int
    uuid: str
    label: str
    verity: Verity | None = None
    onto: Onto | None = None


class Onto(NamedTuple):
    """How much of OUT.qcow2 is its own; sizes in bytes."""

    base: str
    backing_file: str  # the name by which OUT.qcow2 finds the base
    changed_bytes: int  # of the disk: they differ from the base
    zeroed_bytes: int  # of the disk: they are zero, but not in the base
    file_bytes: int  # of OUT.qcow2


class Verity(NamedTuple):
    """What dm-verity needs to know."""

    root_hash: str
    hash_offset: int
    kernel_arguments: str


class Summary(NamedTuple):
    """The facts; times in seconds."""

    reference: str
    digest: str
    platform: str
    backend: str  # native or pure
    layers: int
    filesystem: Filesystem | None  # None: no OUT.ext4 was asked for
    exports: dict[str, str]  # the file of --tar and of --mtree
    left_out: Mapping[tuple[str, str], int]  # counts by kind: ("attribute", "com.apple.*")
    boots: str | None  # what a machine starts; None if not checked
    seconds: dict[str, float]  # by phase, in order; they don't overlap

    def as_json(self) -> str:
        """Return the facts as one flat JSON object."""
        facts = self._asdict()
        filesystem = {} if self.filesystem is None else self.filesystem._asdict()
        if filesystem and (verity := filesystem.pop("verity")):
            filesystem["verity"] = verity._asdict()
        if filesystem and (onto := filesystem.pop("onto")):
            filesystem["onto"] = onto._asdict()
        del facts["filesystem"]
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
            if made.onto is not None:
                onto = made.onto
                changed, size = format_size(onto.changed_bytes), format_size(onto.file_bytes)
                lines.append(("onto", f"{onto.base} ({changed} differ, in a file of {size})"))
            if made.verity is not None:
                lines.append(("verity", made.verity.root_hash))
                lines.append(("offset", f"{made.verity.hash_offset} (of the hashes, in bytes)"))
                lines.append(("kernel", made.verity.kernel_arguments))
        if self.boots is not None:
            lines.append(("boots", self.boots))
        lines += self.exports.items()
        if self.left_out:
            counts = (f"{_count(n, what)} {which}" for (what, which), n in self.left_out.items())
            lines.append(("left out", ", ".join(counts)))
        lines.append(("backend", self.backend))
        lines.append(("time", f"{total:.1f} s ({phases})"))
        return [f"{name + ':':<10}{value}" for name, value in lines]


def summary_of(made: Converted, *, backend: str) -> Summary:
    """Take the facts from a conversion."""
    written = made.written
    return Summary(
        reference=made.reference,
        digest=made.digest,
        platform=str(made.platform),
        backend=backend,
        layers=made.layers,
        filesystem=None if written is None else _filesystem(written, made.kernel_arguments),
        exports=dict(made.exports),
        left_out=made.left_out,
        boots=made.boots,
        seconds=dict(made.seconds),
    )


def _filesystem(written: Written, kernel_arguments: str | None) -> Filesystem:
    free_bytes = written.free_blocks_count * written.block_size_bytes
    verity = written.verity
    return Filesystem(
        files=written.files_count,
        output=str(written.path),
        size_bytes=written.size_bytes,
        used_bytes=written.blocks_count * written.block_size_bytes - free_bytes,
        free_bytes=free_bytes,
        uuid=str(written.uuid),
        label=os.fsdecode(written.label),
        verity=None
        if verity is None
        else Verity(
            root_hash=verity.root_hash.hex(),
            hash_offset=verity.hash_offset,
            kernel_arguments=kernel_arguments or "",
        ),
        onto=None if written.overlay is None else _onto(written.overlay),
    )


def _onto(overlay: Overlay) -> Onto:
    return Onto(
        base=str(overlay.base),
        backing_file=os.fsdecode(overlay.backing_file),
        changed_bytes=overlay.changed_bytes,
        zeroed_bytes=overlay.zeroed_bytes,
        file_bytes=overlay.file_bytes,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
