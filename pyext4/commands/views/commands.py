"""`tree`, `map` and `diff`: their arguments, and what they print."""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

from pyext4.commands.views.differences import difference_line, json_lines
from pyext4.commands.views.names import ASCII, LINES, TreeOptions, draw_tree
from pyext4.compare import Difference, diff_images
from pyext4.errors import Ext4Error
from pyext4.host import tree_from_directory
from pyext4.image.output_file import Output
from pyext4.reader import Ext4Reader, open_ext4
from pyext4.regions import block_map
from pyext4.tree import Tree

__all__ = [
    "DIFFERENT",
    "TROUBLE",
    "add_diff_options",
    "add_map_options",
    "add_tree_options",
    "diff",
    "show_map",
    "show_tree",
]

DIFFERENT: Final = 1  # as diff(1)
TROUBLE: Final = 2


class Warn(Protocol):
    """Says on standard error what is not as one would think of an image."""

    def __call__(self, reader: Ext4Reader, path: Path) -> None:
        """Say it."""
        ...


def add_tree_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tree`."""
    parser.add_argument("path", metavar="PATH", nargs="?", default="/", help="default: /")
    parser.add_argument(
        "-L", dest="levels", metavar="N", type=_positive, help="go N directories deep"
    )
    parser.add_argument("-d", dest="directories", action="store_true", help="directories only")
    parser.add_argument("-s", dest="sizes", action="store_true", help="with sizes of files")


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `map`."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as one JSON object, with every stretch")
    how.add_argument("--svg", metavar="FILE", type=Path, help="write a picture to FILE")


def add_diff_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `diff`."""
    parser.add_argument("other", metavar="B", type=Path, help="another image or directory")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument(
        "--no-times", dest="times", action="store_false", help="pass over times of modification"
    )
    parser.add_argument(
        "--no-content",
        dest="content",
        action="store_false",
        help="compare sizes, but not the bytes of files",
    )


def show_tree(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    """Print the names below a path."""
    options = TreeOptions(
        levels=parsed.levels,
        sizes=parsed.sizes,
        directories_only=parsed.directories,
        strokes=LINES if _can_say(LINES.branch + LINES.last + LINES.passing) else ASCII,
    )
    for line in draw_tree(reader, os.fsencode(parsed.path), options):
        print(line)
    return 0


def show_map(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    """Print what the blocks are for, or write a picture of it."""
    from pyext4.commands.views import blocks, svg  # noqa: PLC0415  # rich is slow to import

    regions = block_map(reader)
    if parsed.json:
        print(blocks.as_json(reader, regions))
    elif parsed.svg:
        _write(parsed.svg, svg.draw_svg(reader, regions), reader.image.path)
    else:
        from rich.console import Console  # noqa: PLC0415

        blocks.draw_blocks(reader, regions, Console(highlight=False, markup=False))
    return 0


def diff(parsed: argparse.Namespace, warn: Warn) -> int:
    """Print what differs between two images, or an image and a directory."""
    with ExitStack() as stack:
        sides: list[Ext4Reader | Tree] = []
        for path in (parsed.image, parsed.other):
            if path.is_dir():
                sides.append(tree_from_directory(path))
                continue
            try:
                reader = stack.enter_context(open_ext4(path, journal=parsed.journal))
            except Ext4Error:
                parsed.image = path  # the one that the error is about
                raise
            warn(reader, path)
            sides.append(reader)
        found = _Counted(diff_images(*sides, times=parsed.times, contents=parsed.content))
        lines = json_lines(found) if parsed.json else map(difference_line, found)
        for line in lines:
            print(line)
    return DIFFERENT if found.count else 0


class _Counted:
    """Passes on differences and counts them."""

    def __init__(self, found: Iterator[Difference]) -> None:
        self._found = found
        self.count = 0

    def __iter__(self) -> Iterator[Difference]:
        for difference in self._found:
            self.count += 1
            yield difference


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        msg = f"must be a number from 1 on: {text}"
        raise argparse.ArgumentTypeError(msg)
    return number


def _can_say(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(target: Path, text: str, image: Path) -> None:
    if target.exists() and target.samefile(image):
        raise OSError(errno.EINVAL, "is the image itself", str(target))
    output = Output(target)
    try:
        data = text.encode()
        with os.fdopen(output.fd, "wb", closefd=False) as file:
            file.write(data)
        output.publish(len(data))
    finally:
        output.close()
