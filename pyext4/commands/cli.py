"""Arguments, exit statuses and errors of `python -m pyext4`.

Errors are one line on stderr; the status is 1 for them and for problems that `verify` finds, 2 for
wrong usage.
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import os
import shutil
import stat
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from pyext4.commands import extract, info, listing
from pyext4.commands.make import add_make_options, make
from pyext4.commands.program import FAILED, complain
from pyext4.commands.usage import Parser, add_version
from pyext4.errors import Ext4Error, PathError, in_short, shown
from pyext4.native import BACKEND
from pyext4.reader import Ext4Reader, open_ext4

__all__ = ["main"]

_EXAMPLES: Final = """\
examples:
  python -m pyext4 info --json debian.ext4
  python -m pyext4 ls -l debian.ext4 /etc
  python -m pyext4 cat debian.ext4 /etc/os-release
  python -m pyext4 extract debian.ext4 ./rootfs
  python -m pyext4 verify debian.ext4
  python -m pyext4 make --size 2G --label data data.ext4

Bytes of names that can't be printed are shown as \\xNN, and times in UTC.
Exit status: 0 done, 1 failed or damaged, 2 wrong usage, 129 hung up, 130 interrupted,
143 terminated. It is a failure if the reader of standard output closes it early. An extract that
fails or is stopped leaves what it has written.
"""

_Command: TypeAlias = Callable[[Ext4Reader, argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        if parsed.command == "make":
            return _make(parsed)
        with open_ext4(parsed.image) as reader:
            status = _COMMANDS[parsed.command](reader, parsed)
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        return FAILED  # the reader closed the pipe
    except Ext4Error as error:
        return _fail(f"{in_short(str(parsed.image))}: {error}", debug=parsed.debug)
    except OSError as error:
        path = in_short(os.fsdecode(error.filename or parsed.image))
        return _fail(f"{path}: {(error.strerror or str(error)).lower()}", debug=parsed.debug)
    return status


def _make(parsed: argparse.Namespace) -> int:
    made = make(parsed)
    print(f"{made.path}: {made.size_bytes} bytes, {made.blocks_count} blocks, uuid {made.uuid}")
    return 0


def _info(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    print(info.as_json(reader) if parsed.json else info.as_text(reader))
    return 0


def _ls(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    path = os.fsencode(parsed.path)
    for line in listing.list_path(reader, path, long=parsed.long, recursive=parsed.recursive):
        print(line)
    return 0


def _stat(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    for line in listing.describe(reader, os.fsencode(parsed.path)):
        print(line)
    return 0


def _cat(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    path = os.fsencode(parsed.path)
    node = reader.lookup(path, follow=True)
    most = reader.layout.blocks_count * reader.layout.block_size
    if node.size > most:  # one flipped bit in a size could keep a pipe busy for days
        reason = (
            f"its {node.size} bytes are mostly holes, more than the filesystem has; try extract"
        )
        raise PathError(path, reason)
    with reader.open(node if stat.S_ISREG(node.mode) else path) as content:
        shutil.copyfileobj(content, sys.stdout.buffer, 1 << 20)
    sys.stdout.buffer.flush()
    return 0


def _extract(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    done = extract.extract(reader, parsed.directory, as_root=os.geteuid() == 0)
    if done.left_out:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(done.left_out.items()))
        complain(f"note: only root can restore everything, left out: {counts}")
    return 0


def _verify(reader: Ext4Reader, parsed: argparse.Namespace) -> int:
    problems = reader.verify()
    for problem in problems:
        complain(f"error: {parsed.image}: {problem}")
    if problems:
        return FAILED
    layout = reader.layout
    used = layout.inodes_count - layout.fields["s_free_inodes_count"]
    print(f"{shown(str(parsed.image))}: sound, {used} inodes in use, {layout.blocks_count} blocks")
    return 0


_COMMANDS: Final[dict[str, _Command]] = {
    "info": _info,
    "ls": _ls,
    "stat": _stat,
    "cat": _cat,
    "extract": _extract,
    "verify": _verify,
}


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m pyext4",
        description="Look into ext4 filesystem images, or make an empty one, without mounting"
        " or root.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version(parser, lambda: BACKEND)
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str,
        explanation: str,
        metavar: str = "IMAGE",
        image: str = "the filesystem image",
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=explanation, description=f"{explanation}.", allow_abbrev=False
        )
        command.add_argument("image", metavar=metavar, type=Path, help=image)
        return command

    add("info", "show the filesystem's facts").add_argument(
        "--json", action="store_true", help="as one JSON object"
    )
    ls = add("ls", "list a directory")
    ls.add_argument("path", metavar="PATH", nargs="?", default="/", help="default: /")
    ls.add_argument("-l", dest="long", action="store_true", help="show mode, owner, size and time")
    ls.add_argument("-R", dest="recursive", action="store_true", help="list subdirectories too")
    add("stat", "show all that is known about a path").add_argument("path", metavar="PATH")
    add("cat", "write a file to standard output").add_argument("path", metavar="PATH")
    add("extract", "write all files into a directory").add_argument(
        "directory", metavar="DIR", type=Path, help="created if missing, else must be empty"
    )
    add("verify", "check everything and show what is wrong")
    add_make_options(add("make", "make an empty filesystem", "OUT.ext4", "the file to write"))
    return parser


def _fail(message: str, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    complain(f"error: {message}")
    return FAILED
