"""Where the bytes of a finished image are; contents of files alone, in whole blocks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from flatten.errors import shown
from pull.report.ledger import Ledger
from pyext4.sizes import format_size
from pyext4.tree import Directory, File, Node, Tree

__all__ = ["DirectorySize", "LayerSize", "Sizes", "measure_sizes"]

_DEPTH: Final = 2  # of the directories that are listed
_DIRECTORIES: Final = 20  # that are listed, the largest ones
_DIGEST_CHARACTERS: Final = 19  # "sha256:" and twelve digits, as docker shows them


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSize:
    """A layer's share.

    Attributes:
        digest: the layer's, or the name of what was added.
        bytes: of its files that are in the image.
        files: how many those are; empty ones count for no layer.
        replaced_bytes: of what it brought and this or a later layer replaced or deleted.
        excluded_bytes: of what it brought and was left out by a pattern.
    """

    digest: str
    bytes: int
    files: int
    replaced_bytes: int
    excluded_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySize:
    """A directory with all that is below it; a file of several names counts at the first of them.

    Attributes:
        path: absolute; bytes that are no UTF-8 are escaped.
        bytes: of the files.
        files: how many names, without those of directories.
    """

    path: str
    bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Where the bytes are.

    Attributes:
        bytes: of all files.
        layers: the oldest first.
        directories: the root, and the largest ones down to a depth of two; the largest first.
    """

    bytes: int
    layers: tuple[LayerSize, ...]
    directories: tuple[DirectorySize, ...]

    def as_facts(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the same in columns."""
        layers = [
            (
                format_size(each.bytes),
                f"{each.files:,}",
                format_size(each.replaced_bytes),
                format_size(each.excluded_bytes),
                each.digest[:_DIGEST_CHARACTERS]
                if each.digest.startswith("sha256:")
                else shown(os.fsencode(each.digest)),
            )
            for each in self.layers
        ]
        directories = [
            (format_size(each.bytes), f"{each.files:,}", each.path) for each in self.directories
        ]
        return "\n".join(
            [
                *_columns(("KEPT", "FILES", "REPLACED", "EXCLUDED", "LAYER"), layers),
                "",
                *_columns(("SIZE", "FILES", "DIRECTORY"), directories),
                "",
            ]
        )


def measure_sizes(tree: Tree, digests: Sequence[str], ledger: Ledger) -> Sizes:
    """Add up what the tree has; `digests` names the layers by their numbers."""
    kept = [0] * len(digests)
    files = [0] * len(digests)
    gone = dict.fromkeys(range(len(digests)), 0)
    left: dict[object, tuple[int, int]] = {}
    left.update(ledger.contents.items())
    totals: dict[bytes, list[int]] = {}
    met: set[Node] = set()
    for path, node in tree.walk():
        if isinstance(node, Directory):
            if path.count(b"/") <= _DEPTH:
                totals[path] = [0, 0]
            continue
        taken = 0
        if isinstance(node, File) and node not in met:
            met.add(node)
            found = left.pop(node.content, None) if node.size else None
            if found is not None:
                taken, layer = found
                kept[layer] += taken
                files[layer] += 1
        for directory in _above(path):
            totals[directory][0] += taken
            totals[directory][1] += 1
    for taken, layer in left.values():
        gone[layer] += taken
    return Sizes(
        bytes=sum(kept),
        layers=tuple(
            LayerSize(
                digest=digest,
                bytes=kept[layer],
                files=files[layer],
                replaced_bytes=ledger.released.get(layer, 0),
                excluded_bytes=gone[layer],
            )
            for layer, digest in enumerate(digests)
        ),
        directories=_largest(totals),
    )


def _above(path: bytes) -> list[bytes]:
    """List the directories that are looked at and have a path in them, the root first."""
    parts = path.split(b"/")[1:-1][:_DEPTH]
    return [b"/", *(b"/" + b"/".join(parts[: count + 1]) for count in range(len(parts)))]


def _largest(totals: dict[bytes, list[int]]) -> tuple[DirectorySize, ...]:
    rows = sorted(totals.items(), key=lambda row: (-row[1][0], row[0]))
    return tuple(
        DirectorySize(path=shown(path), bytes=size, files=count)
        for path, (size, count) in rows[:_DIRECTORIES]
        if size or path == b"/"
    )


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align all columns to the right but the last."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            [*(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False)), row[-1]]
        )
        for row in (head, *rows)
    ]
