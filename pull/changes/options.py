"""The part of the command line that changes what goes in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flatten.text_layer import Text
    from pyext4.editing import OwnerRange

__all__ = ["ChangeOptions", "add_change_options", "add_text_option", "change_options"]

_OWNER_FORM = "FROM:TO[:COUNT]"


class ChangeOptions(NamedTuple):
    """What is changed of the merged tree, in this order; a named tuple as in `request`."""

    exclude: tuple[str, ...] = ()  # patterns of gitignore(5): of the image's layers
    owners: tuple[OwnerRange, ...] = ()  # of everything, with what is added
    clamp_mtime: bool = False  # no time after $SOURCE_DATE_EPOCH

    @property
    def any(self) -> bool:
        """Tell whether anything is asked for."""
        return bool(self.exclude or self.owners) or self.clamp_mtime


def add_text_option(group: argparse._ArgumentGroup) -> None:
    """Add the option that goes with --add."""
    group.add_argument(
        "--add-text",
        dest="additions",
        type=_text,
        action="append",
        default=[],
        metavar="PATH=STRING",
        help="put a file at PATH that has STRING in it as it is, with mode 644, owned by root; may "
        "be repeated",
    )


def add_change_options(group: argparse._ArgumentGroup) -> None:
    """Add the options to a parser's group."""
    group.add_argument(
        "--exclude",
        type=_pattern,
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out what PATTERN matches, as in .gitignore with the root of the image as its "
        "place; not what --add and --boot put in; may be repeated",
    )
    group.add_argument(
        "--map-owner",
        type=_range,
        action="append",
        default=[],
        metavar=_OWNER_FORM,
        help="shift owners and groups FROM and above to TO and above, COUNT of them (default: "
        "65536), for a user namespace; all must be in a range; may be repeated",
    )
    group.add_argument(
        "--clamp-mtime",
        action="store_true",
        help="lower all times later than $SOURCE_DATE_EPOCH to it",
    )


def change_options(
    parsed: argparse.Namespace, error: Callable[[str], object], *, epoch: bool
) -> ChangeOptions:
    """Return what the command line says; report what makes no sense to `error`.

    `epoch` says whether $SOURCE_DATE_EPOCH is set.
    """
    if parsed.clamp_mtime and not epoch:
        error("--clamp-mtime needs $SOURCE_DATE_EPOCH: it is the latest time that is left")
    if parsed.map_owner:
        from pyext4.editing.owners import check_ranges  # noqa: PLC0415  # slow, and rarely needed
        from pyext4.errors import OptionsError  # noqa: PLC0415

        try:
            check_ranges(parsed.map_owner)
        except OptionsError as wrong:
            error(f"--map-owner: {wrong.reason}")
    return ChangeOptions(
        exclude=tuple(parsed.exclude),
        owners=tuple(parsed.map_owner),
        clamp_mtime=parsed.clamp_mtime,
    )


def _pattern(text: str) -> str:
    from pyext4.editing.exclude import check_patterns  # noqa: PLC0415  # slow, and rarely needed
    from pyext4.errors import OptionsError  # noqa: PLC0415

    try:
        check_patterns([text])
    except OptionsError as error:
        raise argparse.ArgumentTypeError(error.reason) from error
    return text


def _range(text: str) -> OwnerRange:
    from pyext4.editing.owners import OwnerRange  # noqa: PLC0415  # slow, and rarely needed

    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(
        part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts
    ):
        msg = f"not of the form {_OWNER_FORM}, all of them numbers: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    first, to, *count = map(int, parts)
    return (
        OwnerRange(first=first, to=to, count=count[0]) if count else OwnerRange(first=first, to=to)
    )


def _text(text: str) -> Text:
    from flatten.errors import HostError  # noqa: PLC0415  # slow, and rarely needed
    from flatten.text_layer import parse_text  # noqa: PLC0415

    try:
        return parse_text(text)
    except HostError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
