"""Terminal sessions in tmux, recorded several times a second: several at once, of several sizes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

__all__ = ["Screen", "Session", "Tmux"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What was to be seen at a time; the lines have no blanks at their ends."""

    seconds: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")


@dataclass(slots=True, kw_only=True)
class Session:
    """One terminal, and all that was seen on it, changes only."""

    name: str
    columns: int
    rows: int
    screens: list[Screen] = field(default_factory=list)


class Tmux:
    """A server of its own with its own socket, which ends with the context."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._program = ["tmux", "-u", "-f", "/dev/null", "-S", str(directory / "tmux")]
        self.sessions: dict[str, Session] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._program, "kill-server"], check=False, capture_output=True)

    def start(
        self,
        name: str,
        size: tuple[int, int],
        command: Sequence[str],
        *,
        first: str = "before",
        **environment: str,
    ) -> Session:
        """Run a command in a terminal of (columns, rows); what it leaves there can be looked at.

        Its first line is written before the command begins.
        """
        columns, rows = size
        script = self._directory / f"{name}.sh"
        words = " ".join(f"'{word}'" for word in command)
        script.write_text(f"echo '{first}'; {words}; echo status=$?; exec sleep 600\n")
        variables = [f"-e{key}={value}" for key, value in environment.items()]
        made = ["new-session", "-d", "-s", name, "-x", str(columns), "-y", str(rows), *variables]
        self._run(*made, "sh", str(script))
        self._run("set-option", "-t", name, "status", "off")
        self.resize(name, size)
        session = self.sessions[name] = Session(name=name, columns=columns, rows=rows)
        return session

    def resize(self, name: str, size: tuple[int, int]) -> None:
        """Give a terminal another size of (columns, rows)."""
        self._run("resize-window", "-t", name, "-x", str(size[0]), "-y", str(size[1]))

    def record(self, seconds: float) -> None:
        """Look at all terminals until each has a status, or it was long enough."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for session in self.sessions.values():
                self.look(session)
            if all("status=" in each.screens[-1].text for each in self.sessions.values()):
                return
            time.sleep(0.1)

    def look(self, session: Session) -> Screen:
        """Look once."""
        text = self._run("capture-pane", "-p", "-t", session.name)
        lines = tuple(line.rstrip() for line in text.splitlines())
        screen = Screen(seconds=time.monotonic(), lines=lines)
        session.screens.append(screen)
        return screen

    def styled(self, session: Session) -> str:
        """Return what is to be seen now, with the codes of its colours."""
        return self._run("capture-pane", "-p", "-e", "-t", session.name)

    def _run(self, *arguments: str) -> str:
        environment: Mapping[str, str] = os.environ | {"LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [*self._program, *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        return done.stdout
