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
from pyext4.commands.telling import Telling, reason_of
from pyext4.commands.usage import Parser, add_version
from pyext4.programs.completion import add_completion
from pyext4.programs.naming import called_by
from pyext4.programs.nearest import meant

__all__ = [
    "FAILED",
    "SIGNALS",
    "STANDARD_OUTPUT",
    "Parser",
    "Telling",
    "add_completion",
    "add_version",
    "called_by",
    "clean",
    "clean_with",
    "complain",
    "end_at_once",
    "end_at_signals",
    "heeded",
    "meant",
    "reason_of",
    "run",
]
