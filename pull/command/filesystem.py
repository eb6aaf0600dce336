"""The filesystem options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from pull.command.request import FilesystemOptions
from pyext4.commands.format_options import add_format_options, size

__all__ = ["add_filesystem_options", "filesystem_options"]

_SMALLEST = "min"


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
        type=size,
        metavar="SIZE",
        help="free space beyond the content (default: 64M or 10 %%, the larger)",
    )
    add_format_options(group, derived_from="the image's digest")
    group.add_argument(
        "--reserved",
        type=_percent,
        default=0.0,
        metavar="PERCENT",
        help="blocks that only root may use (default: 0)",
    )
    group.add_argument(
        "--no-journal", action="store_true", help="the same as --features ^has_journal"
    )
    group.add_argument(
        "--canonical",
        action="store_true",
        help="lay files out in the order of their names, not of the layers; needs temporary space",
    )
    group.add_argument(
        "--onto",
        type=Path,
        metavar="BASE.ext4",
        help="write OUT.qcow2 instead of OUT.ext4: a qcow2 image that holds only what differs from"
        " BASE.ext4, which must never change afterwards",
    )


def filesystem_options(
    parsed: argparse.Namespace, error: Callable[[str], object]
) -> FilesystemOptions:
    """Return what the command line says; report contradicting options to `error`."""
    smallest = parsed.size == _SMALLEST
    if smallest and parsed.free:
        error("--size min leaves nothing free, --free contradicts it")
    if parsed.inodes is not None and parsed.bytes_per_inode is not None:
        error("--inodes and --bytes-per-inode contradict each other")
    if parsed.no_journal and parsed.journal_size is not None:
        error("--no-journal and --journal-size contradict each other")
    if parsed.onto and (parsed.output is None or parsed.output.suffix.lower() != ".qcow2"):
        error("--onto makes a qcow2 image: it needs an output with a name like OUT.qcow2")
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
        onto=parsed.onto,
    )


def _size_or_smallest(text: str) -> int | str:
    return _SMALLEST if text == _SMALLEST else size(text)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 50:
        msg = f"not a percentage from 0 to 50: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value
