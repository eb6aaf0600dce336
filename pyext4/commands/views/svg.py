"""The map of an image as a picture: cells in rows, each stretch of a kind with its blocks to read.

Equal images give equal pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from pyext4.commands.views.blocks import LOOKS, cells, legend
from pyext4.reader import Ext4Reader
from pyext4.regions import KINDS, Region

__all__ = ["draw_svg"]

_COLUMNS: Final = 96
_ROWS: Final = 48
_CELL: Final = 10  # pixels
_LINE: Final = 18
_MARGIN: Final = 12


def draw_svg(reader: Ext4Reader, regions: Sequence[Region]) -> str:
    """Return the picture, an XML document."""
    kinds = cells(regions, _COLUMNS * _ROWS)
    rows = -(-len(kinds) // _COLUMNS)
    lines = legend(reader, regions, places=True)
    top = rows * _CELL + 2 * _MARGIN
    width, height = _COLUMNS * _CELL + 2 * _MARGIN, top + _LINE * len(lines) + _MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" font-family="monospace" font-size="13">'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_rectangles(kinds, regions[-1].first + regions[-1].length),
    ]
    for number, (line, kind) in enumerate(lines):
        y = top + number * _LINE
        if kind:
            parts.append(
                f'<rect x="{_MARGIN}" y="{y}" width="{_CELL}" height="{_CELL}"'
                f' fill="{LOOKS[kind].colour}"><title>{escape(KINDS[kind])}</title></rect>'
            )
        parts.append(
            f'<text x="{_MARGIN + 2 * _CELL}" y="{y + _CELL}" xml:space="preserve">'
            f"{escape(line)}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rectangles(kinds: list[str], total: int) -> Iterator[str]:
    """Yield a rectangle for the cells of a kind that stand side by side."""
    for row in range(0, len(kinds), _COLUMNS):
        at = row
        for kind, group in groupby(kinds[row : row + _COLUMNS]):
            count = sum(1 for _ in group)
            first, end = (-(-index * total // len(kinds)) for index in (at, at + count))
            x, y = _MARGIN + (at - row) * _CELL, _MARGIN + row // _COLUMNS * _CELL
            yield (
                f'<rect x="{x}" y="{y}" width="{count * _CELL - 1}" height="{_CELL - 1}"'
                f' fill="{LOOKS[kind].colour}">'
                f"<title>{kind}: blocks {first} to {end - 1}</title></rect>"
            )
            at += count
