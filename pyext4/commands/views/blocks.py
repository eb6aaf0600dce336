"""The map of an image for people: cells in colours, or letters, and a legend with shares.

A cell stands for as many blocks as the width asks for. It shows the rarest kind that has an eighth
of it, so that small tables are not lost among data; free space is shown where nothing else is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.console import Console
from rich.text import Text

from pyext4.errors import size_in_words
from pyext4.reader import Ext4Reader
from pyext4.regions import KINDS, Region

__all__ = ["LOOKS", "Look", "as_json", "cells", "draw_blocks", "legend"]

_MOST_ROWS: Final = 16
_MOST_COLUMNS: Final = 160
_NOTICED: Final = 8  # a kind with this part of a cell is seen
_WHERE_COLUMNS: Final = 72  # a narrower terminal has no room for places


class Look(NamedTuple):
    """How a kind is drawn."""

    letter: str
    colour: str


LOOKS: Final = {
    "boot": Look("b", "#9e9e9e"),
    "superblocks": Look("S", "#d32f2f"),
    "descriptors": Look("G", "#f57c00"),
    "reserved descriptors": Look("r", "#ffcc80"),
    "block bitmaps": Look("B", "#c2185b"),
    "inode bitmaps": Look("I", "#e991b4"),
    "inode tables": Look("T", "#7b1fa2"),
    "resize inode": Look("z", "#bf7a30"),
    "journal": Look("J", "#00838f"),
    "orphan file": Look("o", "#4db6ac"),
    "quota": Look("q", "#827717"),
    "directories": Look("D", "#388e3c"),
    "attributes": Look("A", "#9ccc65"),
    "indexes": Look("x", "#5d4037"),
    "data": Look("#", "#1976d2"),
    "verity": Look("V", "#303f9f"),
    "bad": Look("!", "#000000"),
    "rest of clusters": Look("c", "#90caf9"),
    "unaccounted": Look("?", "#ff1744"),
    "free": Look(".", "#e0e0e0"),
}


def cells(regions: Sequence[Region], most: int) -> list[str]:
    """Return the kinds of at most so many cells, which share the blocks evenly."""
    total = regions[-1].first + regions[-1].length
    count = min(most, total)
    totals = _totals(regions)
    inside: list[Counter[str]] = [Counter() for _ in range(count)]
    for region in regions:
        at, end = region.first, region.first + region.length
        while at < end:
            index = at * count // total
            border = -(-(index + 1) * total // count)  # the first block of the next cell
            inside[index][region.kind] += min(end, border) - at
            at = min(end, border)
    return [_shown(each, totals) for each in inside]


def draw_blocks(reader: Ext4Reader, regions: Sequence[Region], console: Console) -> None:
    """Print the map and its legend, as wide as the console is."""
    columns = min(console.width, _MOST_COLUMNS)
    kinds = cells(regions, columns * _MOST_ROWS)
    in_colour = console.color_system is not None and not console.no_color
    for start in range(0, len(kinds), columns):
        row = Text(no_wrap=True, end="\n")
        for kind in kinds[start : start + columns]:
            look = LOOKS[kind]
            row.append(*((" ", f"on {look.colour}") if in_colour else (look.letter,)))
        console.print(row, soft_wrap=True)
    console.print()
    for line, kind in legend(reader, regions, places=columns >= _WHERE_COLUMNS):
        text = Text(no_wrap=True, overflow="crop")
        if kind:
            look = LOOKS[kind]
            text.append(look.letter, f"bold black on {look.colour}" if in_colour else "")
        text.append(f" {line}" if kind else line)
        console.print(text, soft_wrap=True)


def legend(reader: Ext4Reader, regions: Sequence[Region], *, places: bool) -> list[tuple[str, str]]:
    """Return (line, kind) for each kind that there is, and for the sum."""
    layout, totals = reader.layout, _totals(regions)
    lines = []
    for kind in KINDS:
        if kind in totals:
            share = 100 * totals[kind] / layout.blocks_count
            line = f"{kind:<20} {totals[kind]:>11} {share:>6.2f}%"
            lines.append((line + (f"  {_places(regions, kind)}" if places else ""), kind))
    size = size_in_words(layout.blocks_count * layout.block_size)
    lines.append((f"{layout.blocks_count} blocks of {layout.block_size} bytes, {size}", ""))
    behind = reader.image.size_bytes - layout.blocks_count * layout.block_size
    if behind:
        lines.append((f"{size_in_words(behind)} behind the filesystem, of dm-verity or others", ""))
    return lines


def as_json(reader: Ext4Reader, regions: Sequence[Region]) -> str:
    """Return the map as one JSON object: sums of all kinds, and each region."""
    layout, totals = reader.layout, _totals(regions)
    return json.dumps(
        {
            "block_size": layout.block_size,
            "blocks_count": layout.blocks_count,
            "kinds": {kind: totals[kind] for kind in KINDS if kind in totals},
            "regions": [region._asdict() for region in regions],
        }
    )


def _totals(regions: Sequence[Region]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for region in regions:
        totals[region.kind] += region.length
    return totals


def _shown(inside: Counter[str], totals: Counter[str]) -> str:
    room = inside.total()
    used = [kind for kind in inside if kind != "free"]
    seen = [kind for kind in used if inside[kind] * _NOTICED >= room]
    if seen:
        return min(seen, key=lambda kind: (totals[kind], kind))
    return "free" if "free" in inside else max(used, key=lambda kind: (inside[kind], kind))


def _places(regions: Sequence[Region], kind: str) -> str:
    """Return the first places of a kind, as many as fit."""
    found = [region for region in regions if region.kind == kind]
    names = [
        str(each.first) if each.length == 1 else f"{each.first}-{each.first + each.length - 1}"
        for each in found[:2]
    ]
    more = len(found) - len(names)
    return ", ".join(names) + (f", {more} more" if more else "")
