"""Arguments, exit statuses and errors of `python -m pyext4`, and of the console script.

Errors are one line on stderr; the status is 1 for them and for problems that `verify` finds, 2 for
wrong usage. `diff` has the statuses of diff(1).
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from pyext4.commands import extract, info, listing
from pyext4.commands.make import add_make_options, make
from pyext4.commands.program import FAILED, complain
from pyext4.commands.telling import Telling, reason_of
from pyext4.commands.usage import Parser, add_version
from pyext4.commands.views import commands as views
from pyext4.errors import Ext4Error, PathError, in_short, shown
from pyext4.native import BACKEND
from pyext4.programs.completion import add_completion
from pyext4.reader import Ext4Reader, open_ext4

__all__ = ["main", "make_parser"]

_EXAMPLES: Final = """\
examples:
  %(prog)s info --json debian.ext4
  %(prog)s ls -l debian.ext4 /etc
  %(prog)s cat debian.ext4 /etc/os-release
  %(prog)s extract debian.ext4 ./rootfs
  %(prog)s verify debian.ext4
  %(prog)s tree -L 2 debian.ext4 /etc
  %(prog)s diff old.ext4 new.ext4
  %(prog)s map debian.ext4
  %(prog)s make --size 2G --label data data.ext4

Bytes of names that can't be printed are shown as \\xNN, and times in UTC.
Exit status: 0 done, 1 failed or damaged, 2 wrong usage, 129 hung up, 130 interrupted,
143 terminated. With --json, errors are on standard output too. It is a failure if the reader of
standard output closes it early. An extract that fails or is stopped leaves what it has written.
diff: 0 nothing differs, 1 something does, 2 trouble.
An image whose machine stopped is read as if its journal had been replayed; nothing is written.
"""

_Command: TypeAlias = Callable[[Ext4Reader, argparse.Namespace], int]


def main(arguments: Sequence[str], *, name: str = "python -m pyext4") -> int:
    """Run the command, which was called `name`, and return its exit status."""
    parsed = make_parser(name).parse_args(arguments)
    failed = views.TROUBLE if parsed.command == "diff" else FAILED
    telling = Telling(
        str(parsed.image),
        json=getattr(parsed, "json", False),
        debug=parsed.debug,
        trouble=failed,
    )
    try:
        status = _run(parsed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        return failed  # the reader closed the pipe
    except Ext4Error as error:
        # of two images the error itself says which
        where = "" if str(parsed.image) in str(error) else f"{in_short(str(parsed.image))}: "
        return telling.failed(error, f"{where}{error}")
    except OSError as error:
        path = in_short(os.fsdecode(error.filename or parsed.image))
        return telling.failed(error, f"{path}: {reason_of(error)}")
    return status


def _run(parsed: argparse.Namespace) -> int:
    if parsed.command == "make":
        return _make(parsed)
    if parsed.command == "diff":
        return views.diff(parsed, _warn)
    with open_ext4(parsed.image, journal=parsed.journal) as reader:
        _warn(reader, parsed.image)
        return _COMMANDS[parsed.command](reader, parsed)


def _warn(reader: Ext4Reader, path: Path) -> None:
    if reader.recovery and reader.recovery.warning:
        complain(f"warning: {in_short(str(path))}: {reader.recovery.warning}")


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
    replayed = reader.recovery and reader.recovery.replayed
    note = f"; the journal was {reader.recovery.done}" if reader.recovery and replayed else ""
    print(
        f"{shown(str(parsed.image))}: sound, {used} inodes in use, "
        f"{layout.blocks_count} blocks{note}"
    )
    return 0


_COMMANDS: Final[dict[str, _Command]] = {
    "info": _info,
    "ls": _ls,
    "stat": _stat,
    "cat": _cat,
    "extract": _extract,
    "verify": _verify,
    "tree": views.show_tree,
    "map": views.show_map,
}


def make_parser(name: str = "python -m pyext4") -> argparse.ArgumentParser:
    """Make the parser for all commands of the program, which calls itself `name`."""
    parser = Parser(
        prog=name,
        description="Look into ext4 filesystem images, or make an empty one, without mounting"
        " or root.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version(parser, lambda: BACKEND)
    add_completion(parser, make_parser, "pyext4")
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
        if name != "make":
            command.add_argument(
                "--no-journal",
                dest="journal",
                action="store_false",
                help="read an image that was not unmounted as it is",
            )
        return command

    add("info", "show the filesystem's facts").add_argument(
        "--json", action="store_true", help="as one JSON object, errors too"
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
    views.add_tree_options(add("tree", "draw all names below a path"))
    views.add_diff_options(
        add("diff", "show what differs between two images", "A", "an image or directory")
    )
    views.add_map_options(add("map", "show what the blocks are for"))
    add_make_options(add("make", "make an empty filesystem", "OUT.ext4", "the file to write"))
    return parser
