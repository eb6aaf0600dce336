"""An empty filesystem, as a second disk for a machine to write to.

Equal commands give equal bytes. A file that already exists is kept, unless --force is given: it
may be a disk with somebody's data, which `truncate -s` would keep and mke2fs would ask about.
"""

from __future__ import annotations

import argparse
import errno
import os

from pyext4.commands.format_options import add_format_options, size
from pyext4.options import Options
from pyext4.tree import Directory, Metadata, Tree
from pyext4.writing.identity import derived_uuid
from pyext4.writing.writer import write_ext4
from pyext4.writing.written import Written

__all__ = ["add_make_options", "make"]


def add_make_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that an empty filesystem can have."""
    parser.add_argument(
        "--size", type=size, metavar="SIZE", help="exact size, such as 2G (default: 64M of room)"
    )
    add_format_options(parser, derived_from="size and label")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def make(parsed: argparse.Namespace) -> Written:
    """Write an empty filesystem to `parsed.image`, which appears whole or not at all.

    Raises:
        OptionsError: an option is out of its range, or contradicts another.
        DoesNotFitError: the size is too small for a filesystem with these options.
        OSError: the file already exists, or writing failed.
    """
    if not parsed.force and os.path.lexists(parsed.image):
        reason = "already exists, use --force to replace it"
        raise FileExistsError(errno.EEXIST, reason, str(parsed.image))
    label = os.fsencode(parsed.label)
    options = Options(
        size_bytes=parsed.size,
        label=label,
        uuid=parsed.uuid or derived_uuid(b"pyext4 make", str(parsed.size).encode(), label),
        profile=parsed.profile,
        features=parsed.features,
        block_size_bytes=parsed.block_size,
        inodes=parsed.inodes,
        bytes_per_inode=parsed.bytes_per_inode,
        journal_bytes=parsed.journal_size,
    )
    return write_ext4(Tree(Directory(Metadata(mode=0o755), {})), parsed.image, options)
