"""What the programs of pull have in common with pyext4's: streams, signals, usage, exit status."""

from __future__ import annotations

from pyext4.commands.program import (
    FAILED,
    SIGNALS,
    STANDARD_OUTPUT,
    clean,
    clean_with,
    complain,
    end_at_once,
    end_at_signals,
    heeded,
    run,
)
from pyext4.commands.usage import Parser, add_version

__all__ = [
    "FAILED",
    "SIGNALS",
    "STANDARD_OUTPUT",
    "Parser",
    "add_version",
    "clean",
    "clean_with",
    "complain",
    "end_at_once",
    "end_at_signals",
    "heeded",
    "run",
]
