"""Command lines: errors take two lines, and suggest the name that was meant.

If --json is among the arguments, the error is on standard output too, as JSON.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from pyext4.commands.program import complain
from pyext4.errors import in_short
from pyext4.programs.nearest import meant, nearest
from pyext4.programs.secrets import without_secrets

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["Parser", "add_version"]

_WRONG_USAGE = 2
_KIND = "usage"


class Parser(argparse.ArgumentParser):
    """Shows its whole usage only for --help."""

    _given: Sequence[str] | None = None  # the words of the command line, once it is parsed

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to get help, and exit."""
        line = without_secrets(in_short(message)) + self._meant(message)
        complain(f"error: {line}")
        complain(f"try: {self.prog} --help")
        if "--json" in self._words():
            from pyext4.programs import failures  # noqa: PLC0415  # only for mistakes

            failures.say(failures.as_json(_KIND, line, reference=None, status=_WRONG_USAGE))
        raise SystemExit(_WRONG_USAGE)

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Note the words, whatever comes of them."""
        if self._given is None:
            self._given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401  # the base's
        """Refuse what is none of an action's choices, and name the nearest one."""
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        text = f"invalid choice: {value!r} (choose from {', '.join(known)})"
        raise argparse.ArgumentError(action, text + meant(str(value), known))

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Write a message; argparse itself ignores write errors."""
        (file or sys.stderr).write(message)

    def _words(self) -> list[str]:
        """Return the words before `--`, after which there are no options."""
        words = list(sys.argv[1:] if self._given is None else self._given)
        return words[: words.index("--")] if "--" in words else words

    def _meant(self, message: str) -> str:
        """Return the option that was meant by one that nobody knows, whatever else is wrong."""
        known = set(self._option_names())
        long = [name for name in known if name[:2] == "--"]
        for word in self._words():
            name = word.partition("=")[0]
            # -l is near to nothing but itself
            if len(name) > 2 and name[0] == "-" and name not in known:
                near = nearest(f"--{name.lstrip('-')}", long)  # -json is one too
                if near:
                    whose = "" if name in message else f"for {in_short(name)}, "
                    return f"; {whose}did you mean {near}?"
        return ""

    def _option_names(self) -> Iterator[str]:
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # no other way
                for command in action.choices.values():
                    if isinstance(command, Parser):
                        yield from command._option_names()  # noqa: SLF001  # its own kind


def add_version(parser: argparse.ArgumentParser, backend: Callable[[], str]) -> None:
    """Add --version, which shows what a bug report should name; finding it out takes time.

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
            from pyext4.programs.versions import describe  # noqa: PLC0415  # rarely needed

            try:
                name = backend()
            except ImportError as error:
                complain(f"error: {error}")
                raise SystemExit(1) from error
            print(describe(name))  # noqa: T201  # that is the answer
            parser.exit()

    parser.add_argument(
        "--version",
        action=Version,
        nargs=0,
        help="show the versions of the package, Python and the C library, and the backend",
    )
