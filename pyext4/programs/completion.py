"""Completion for shells, made by shtab of the parser itself.

`eval "$(pyext4-pull --print-completion bash)"`, or the same into a file where the shell looks for
such. It is for the installed commands: a shell completes by the first word, which is `python` for
`python -m pull`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

__all__ = ["SHELLS", "add_completion"]

SHELLS: Final = ("bash", "zsh", "tcsh")


def add_completion(
    parser: argparse.ArgumentParser, make: Callable[[str], argparse.ArgumentParser], script: str
) -> None:
    """Add --print-completion; `make` makes a parser of a name, `script` is the command's."""

    class Completion(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: str | Sequence[Any] | None,
            option_string: str | None = None,
        ) -> NoReturn:
            del namespace, option_string
            import shtab  # noqa: PLC0415  # rarely needed

            name = script if parser.prog.startswith("python -m ") else parser.prog
            made = make(name)
            _complete_files(made)
            print(shtab.complete(made, shell=str(values)))  # noqa: T201  # that is the answer
            parser.exit()

    parser.add_argument(
        "--print-completion",
        action=Completion,
        choices=SHELLS,
        metavar="SHELL",
        help=f"print the completion script for a shell: {', '.join(SHELLS)}",
    )


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which arguments are files and directories, by what the help calls them."""
    import shtab  # noqa: PLC0415  # rarely needed

    for action in parser._actions:  # noqa: SLF001  # argparse has no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                _complete_files(command)
        elif action.choices is None:
            words = str(action.metavar)
            if words == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif words in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]


_FILES: Final = frozenset({"FILE", "IMAGE", "OUT.ext4"})
