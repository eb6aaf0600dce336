"""An empty filesystem, as a second disk for what a machine writes.

Equal commands give equal bytes. What is there already stays, unless --force says otherwise: it
may be the disk with somebody's data, which `truncate -s` would keep and mke2fs would ask about.
"""

from __future__ import annotations

import argparse
import errno
import os
from uuid import UUID

from pyext4.commands.sizes import size
from pyext4.options import Options
from pyext4.tree import Directory, Metadata, Tree
from pyext4.writing.identity import derived_uuid
from pyext4.writing.writer import Written, write_ext4

__all__ = ["add_make_options", "make"]


def add_make_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that an empty filesystem can have."""
    parser.add_argument(
        "--size", type=size, metavar="SIZE", help="exact size, such as 2G (default: 64M of room)"
    )
    parser.add_argument(
        "--label", type=os.fsencode, default=b"", metavar="NAME", help="up to 16 bytes"
    )
    parser.add_argument(
        "--uuid", type=_uuid, metavar="UUID", help="(default: derived from size and label)"
    )
    parser.add_argument(
        "--profile",
        choices=("default", "compat", "readonly"),
        default="default",
        help="compat: for old kernels and GRUB 2.02; readonly: no journal, nothing free",
    )
    parser.add_argument(
        "--features",
        type=_names,
        default=(),
        metavar="NAME[,...]",
        help="add features by mke2fs's names, or remove them with ^ before the name",
    )
    parser.add_argument(
        "--block-size", type=size, default=4096, metavar="SIZE", help="1K, 2K or 4K (default)"
    )
    parser.add_argument("--inodes", type=_count, metavar="N", help="room for N inodes at least")
    parser.add_argument(
        "--bytes-per-inode",
        type=size,
        metavar="SIZE",
        help="make one inode per SIZE of the filesystem (default: 16K)",
    )
    parser.add_argument(
        "--journal-size", type=size, metavar="SIZE", help="(default: as mke2fs chooses)"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def make(parsed: argparse.Namespace) -> Written:
    """Write an empty filesystem to `parsed.image`, which appears whole or not at all.

    Raises:
        OptionsError: an option is out of its range, or contradicts another.
        DoesNotFitError: the size is too small for a filesystem with these options.
        OSError: there is something already, or writing failed.
    """
    if not parsed.force and os.path.lexists(parsed.image):
        reason = "is there already, and --force replaces it"
        raise FileExistsError(errno.EEXIST, reason, str(parsed.image))
    options = Options(
        size_bytes=parsed.size,
        label=parsed.label,
        uuid=parsed.uuid or derived_uuid(b"pyext4 make", str(parsed.size).encode(), parsed.label),
        profile=parsed.profile,
        features=parsed.features,
        block_size_bytes=parsed.block_size,
        inodes=parsed.inodes,
        bytes_per_inode=parsed.bytes_per_inode,
        journal_bytes=parsed.journal_size,
    )
    return write_ext4(Tree(Directory(Metadata(mode=0o755), {})), parsed.image, options)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        msg = f"not a UUID: {text!r}"
        raise argparse.ArgumentTypeError(msg) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) == 0:
        msg = f"not a number above zero: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
