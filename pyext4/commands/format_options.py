"""Command-line options for the kind of filesystem, for every program that makes one."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from pyext4.sizes import parse_size

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["add_format_options", "size"]

_MAX_INODES = 0xFFFFFFFF  # they have 32-bit numbers


def add_format_options(group: argparse._ActionsContainer, *, derived_from: str) -> None:
    """Add options to a parser or an argument group; `derived_from` says where a UUID comes from."""
    group.add_argument("--label", default="", metavar="NAME", help="volume label, up to 16 bytes")
    group.add_argument(
        "--uuid", type=_uuid, metavar="UUID", help=f"(default: derived from {derived_from})"
    )
    group.add_argument(
        "--profile",
        choices=("default", "compat", "readonly"),
        default="default",
        help="default: as mke2fs makes it; compat: for old kernels and GRUB 2.02; readonly: no"
        " journal, packed, nothing free",
    )
    group.add_argument(
        "--features",
        type=_names,
        default=(),
        metavar="NAME[,...]",
        help="add features by mke2fs's names, or remove them with ^ before the name",
    )
    group.add_argument(
        "--block-size", type=size, default=4096, metavar="SIZE", help="1K, 2K or 4K (default)"
    )
    group.add_argument("--inodes", type=_count, metavar="N", help="room for at least N inodes")
    group.add_argument(
        "--bytes-per-inode",
        type=size,
        metavar="SIZE",
        help="make one inode per SIZE of the filesystem (default: 16K)",
    )
    group.add_argument(
        "--journal-size", type=size, metavar="SIZE", help="(default: as mke2fs chooses)"
    )


def size(text: str) -> int:
    """Read a number of bytes, for argparse; raises ArgumentTypeError."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _uuid(text: str) -> UUID:
    from uuid import UUID  # noqa: PLC0415  # slow, and rarely given

    try:
        return UUID(text)
    except ValueError as error:
        msg = f"not a UUID: {text!r}"
        raise argparse.ArgumentTypeError(msg) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text) or not 1 <= int(text) <= _MAX_INODES:
        msg = f"not a number from 1 to {_MAX_INODES}: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
