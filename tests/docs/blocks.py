"""The code blocks of a page, in their order, with what the page says of how to run them.

A line `<!-- run: ... -->` before a block, which readers don't see, is one of these:

    <!-- run: needs THING -->     it is not run but checked: programs, options, syntax
    <!-- run: fails STATUS -->    at least one of its commands ends with this status
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PAGES", "README", "ROOT", "Block", "blocks_of"]

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
PAGES: Final = (README, *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^(`{3,})(.*)$")
_MARK = re.compile(r"^<!-- run: (needs|fails) (.+) -->$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block; `needs` and `fails` are empty where the page says nothing."""

    page: Path
    line: int
    language: str
    text: str
    needs: str = ""
    fails: str = ""

    @property
    def place(self) -> str:
        """Where it stands, as an editor opens it."""
        page = self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page
        return f"{page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return all fenced blocks of a page; a mark without a block behind it is an error."""
    found: list[Block] = []
    mark = {"needs": "", "fails": ""}
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if said := _MARK.match(line):
            mark[said[1]] = said[2]
        elif fence := _FENCE.match(line):
            text = []
            for _, inner in lines:
                if inner == fence[1]:
                    break
                text.append(inner + "\n")
            found.append(
                Block(page=page, line=number, language=fence[2].strip(), text="".join(text), **mark)
            )
            mark = {"needs": "", "fails": ""}
        elif line.startswith("<!-- run"):
            msg = f"{page}:{number}: not a mark: {line}"
            raise ValueError(msg)
        elif line.strip() and any(mark.values()):
            msg = f"{page}:{number}: no block follows the mark"
            raise ValueError(msg)
    return found
