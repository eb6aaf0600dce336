"""The report's part of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

__all__ = ["add_report_option", "report_file", "with_bare_report"]

_OPTION: Final = "--size-report"
_STANDARD_OUTPUT: Final = "-"


def add_report_option(group: argparse._ArgumentGroup) -> None:
    """Add the option to a parser's group; `with_bare_report` has to see the arguments first."""
    group.add_argument(
        _OPTION,
        nargs="?",
        metavar="FILE",
        help="print where the bytes are, by layer and by directory; =FILE writes it there, --json "
        "has it in the JSON",
    )


def with_bare_report(arguments: Sequence[str]) -> list[str]:
    """Spell out what a bare --size-report means: its value is behind a `=`, or there is none.

    argparse would take the word behind it, which is the reference.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [
        f"{word}={_STANDARD_OUTPUT}" if word == _OPTION and at < end else word
        for at, word in enumerate(arguments)
    ]


def report_file(parsed: argparse.Namespace) -> str | None:
    """Return where the report goes: with --json it is in there, unless it has a file."""
    report: str | None = parsed.size_report
    return None if parsed.json and report == _STANDARD_OUTPUT else report
