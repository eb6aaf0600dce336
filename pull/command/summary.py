"""The summary of a finished conversion: the same facts for people and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pull.command.conversion import Converted, ImageLayer
from pyext4.sizes import format_size
from pyext4.version import __version__

if TYPE_CHECKING:
    from pyext4 import Overlay, Written

__all__ = ["Filesystem", "Summary", "Verity", "summary_of"]

_CHANGES: Final = {
    "excluded": ("file", "excluded"),
    "mapped": ("owner", "mapped"),
    "clamped": ("time", "clamped"),
    "texts": ("text", "added"),
}


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
    version: str  # of this package
    backend: str  # native or pure
    layers: int
    filesystem: Filesystem | None  # None: no OUT.ext4 was asked for
    exports: dict[str, str]  # the file of --tar and of --mtree
    left_out: Mapping[tuple[str, str], int]  # counts by kind: ("attribute", "com.apple.*")
    boots: str | None  # what a machine starts; None if not checked
    image_config: Mapping[str, object]  # as it is
    image_layers: Sequence[ImageLayer]  # the image's own
    changed: Mapping[str, int]  # counts of requested changes: {"excluded": 12}
    sizes: dict[str, Any] | None  # where the bytes are; None if not asked for
    reused_layers: int  # taken from the cache's states, without decoding
    kept_states: int
    dropped_states: int  # damaged ones
    shared_bytes: int  # blocks that the image shares with states and other images
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
        if self.sizes is None:
            del facts["sizes"]
        facts["left_out"] = {f"{what}s {which}": n for (what, which), n in self.left_out.items()}
        last = {name: facts.pop(name) for name in ("seconds", "image_layers", "image_config")}
        last["image_layers"] = [layer._asdict() for layer in self.image_layers]
        return json.dumps({**facts, **filesystem, **last}, indent=2)

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
        if self.changed:
            counts = (_count(n, *_CHANGES[what]) for what, n in self.changed.items())
            lines.append(("changed", ", ".join(counts)))
        if self.reused_layers:
            lines.append(("reused", f"{_count(self.reused_layers, 'layer')} from the cache"))
        if self.shared_bytes:
            lines.append(("shared", f"{format_size(self.shared_bytes)} with other files"))
        if self.dropped_states:
            what = _count(self.dropped_states, "damaged state")
            lines.append(("dropped", f"{what} from the cache"))
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
        version=__version__,
        backend=backend,
        layers=made.layers,
        filesystem=None if written is None else _filesystem(written, made.kernel_arguments),
        exports=dict(made.exports),
        left_out=made.left_out,
        changed=dict(made.changed),
        sizes=None if made.sizes is None else made.sizes.as_facts(),
        boots=made.boots,
        image_config=made.image_config,
        image_layers=made.image_layers,
        reused_layers=made.reused,
        kept_states=made.kept,
        dropped_states=made.dropped,
        shared_bytes=made.shared_bytes,
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


def _count(number: int, noun: str, what: str = "") -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'} {what}".rstrip()
