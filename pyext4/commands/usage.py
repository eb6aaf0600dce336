"""Command lines: errors take two lines, and suggest the name that was meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from pyext4.commands.program import complain
from pyext4.errors import in_short

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["Parser", "add_version"]

_WRONG_USAGE = 2
_UNKNOWN = "unrecognized arguments: "
_WORD_CHARACTERS = 200
_NEAR = 0.75  # of difflib's ratio: two letters exchanged, one too many or too few


class Parser(argparse.ArgumentParser):
    """Shows its whole usage only for --help."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to get help, and exit."""
        complain(f"error: {in_short(message)}{self._meant(message)}")
        complain(f"try: {self.prog} --help")
        raise SystemExit(_WRONG_USAGE)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Write a message; argparse itself ignores write errors."""
        (file or sys.stderr).write(message)

    def _meant(self, message: str) -> str:
        """Return the option that an unknown one was probably meant to be."""
        _, unknown, words = message.partition(_UNKNOWN)
        if not unknown:
            return ""
        import difflib  # noqa: PLC0415  # only for mistakes

        known = sorted(set(self._option_names()))
        for word in words.split():
            name = word.partition("=")[0][:_WORD_CHARACTERS]
            # -l is only like itself
            if name.startswith("--") and (near := difflib.get_close_matches(name, known, 1, _NEAR)):
                return f"; did you mean {near[0]}?"
        return ""

    def _option_names(self) -> Iterator[str]:
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # no other way
                for command in action.choices.values():
                    if isinstance(command, Parser):
                        yield from command._option_names()  # noqa: SLF001  # its own kind


def add_version(parser: argparse.ArgumentParser, backend: Callable[[], str]) -> None:
    """Add --version, which shows the version and the backend; finding out either takes time.

    `backend` may raise an ImportError about PYEXT4_BACKEND.
    """

    class Version(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: str | Sequence[Any] | None,
            option_string: str | None = None,
        ) -> NoReturn:
            del namespace, values, option_string
            from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # slow

            try:
                number = version("pyext4")
            except PackageNotFoundError:  # run from a checkout that is not installed
                number = "(not installed)"
            try:
                name = backend()
            except ImportError as error:
                complain(f"error: {error}")
                raise SystemExit(1) from error
            print(f"pyext4 {number}, backend: {name}")  # noqa: T201  # the result
            parser.exit()

    parser.add_argument(
        "--version", action=Version, nargs=0, help="show the version and the backend"
    )
