"""The filesystem's part of the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from uuid import UUID

from pull.command.request import FilesystemOptions
from pull.spec.sizes import parse_size

__all__ = ["add_filesystem_options", "filesystem_options"]

_SMALLEST = "min"
_MAX_INODES = 0xFFFFFFFF  # they have 32-bit numbers


def add_filesystem_options(group: argparse._ArgumentGroup) -> None:
    """Add the options to a parser's group."""
    group.add_argument(
        "--size",
        type=_size_or_smallest,
        metavar="SIZE|min",
        help="exact size of the image, or as small as the content allows",
    )
    group.add_argument(
        "--free",
        type=_size,
        metavar="SIZE",
        help="free space beyond the content (default: 64M or 10 %%, the larger)",
    )
    group.add_argument("--label", default="", metavar="NAME", help="volume label, up to 16 bytes")
    group.add_argument(
        "--uuid", type=_uuid, metavar="UUID", help="(default: derived from the image's digest)"
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
        "--block-size", type=_size, default=4096, metavar="SIZE", help="1K, 2K or 4K (default)"
    )
    group.add_argument("--inodes", type=_count, metavar="N", help="room for N inodes at least")
    group.add_argument(
        "--bytes-per-inode",
        type=_size,
        metavar="SIZE",
        help="make one inode per SIZE of the image (default: 16K)",
    )
    group.add_argument(
        "--reserved",
        type=_percent,
        default=0.0,
        metavar="PERCENT",
        help="blocks that only root may use (default: 0)",
    )
    group.add_argument(
        "--journal-size", type=_size, metavar="SIZE", help="(default: as mke2fs chooses)"
    )
    group.add_argument(
        "--no-journal", action="store_true", help="the same as --features ^has_journal"
    )
    group.add_argument(
        "--canonical",
        action="store_true",
        help="lay files out in the order of their names, not of the layers; needs temporary space",
    )


def filesystem_options(
    parsed: argparse.Namespace, error: Callable[[str], object]
) -> FilesystemOptions:
    """Return what the command line says; report options that contradict each other to `error`."""
    smallest = parsed.size == _SMALLEST
    if smallest and parsed.free:
        error("--size min leaves nothing free, --free contradicts it")
    if parsed.inodes is not None and parsed.bytes_per_inode is not None:
        error("--inodes and --bytes-per-inode contradict each other")
    if parsed.no_journal and parsed.journal_size is not None:
        error("--no-journal and --journal-size contradict each other")
    return FilesystemOptions(
        size_bytes=None if smallest else parsed.size,
        smallest=smallest,
        free_bytes=parsed.free,
        label=parsed.label,
        uuid=parsed.uuid,
        profile=parsed.profile,
        features=(*parsed.features, *(("^has_journal",) if parsed.no_journal else ())),
        block_size_bytes=parsed.block_size,
        inodes=parsed.inodes,
        bytes_per_inode=parsed.bytes_per_inode,
        reserved_percent=parsed.reserved,
        journal_bytes=parsed.journal_size,
        canonical=parsed.canonical,
    )


def _size(text: str) -> int:
    try:
        size = parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return size


def _size_or_smallest(text: str) -> int | str:
    return _SMALLEST if text == _SMALLEST else _size(text)


def _uuid(text: str) -> UUID:
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


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 50:
        msg = f"not a percentage from 0 to 50: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value
