"""`python -m pull.cache list|verify|prune`: look after the cache."""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pull.cache.cache import Cache, default_cache_dir
from pull.cache.maintenance import Blob, blobs, leftovers, prune, verify
from pull.errors import PullError
from pull.process.backends import backends
from pull.process.program import FAILED, Parser, add_version, complain, run
from pull.wording import in_short, shown
from pyext4.sizes import format_size, parse_size

__all__ = ["main"]

_EXAMPLES = """\
examples:
  python -m pull.cache list
  python -m pull.cache verify
  python -m pull.cache prune --older-than 30d --max-size 20G
  python -m pull.cache prune --unreferenced --dry-run

verify drops damaged blobs, which are downloaded again when needed, and exits 1 if there were any.
prune also removes leftovers of broken downloads that are at least a day old.

Exit status: 0 done, 1 failed or damaged, 2 wrong usage, 129 hung up, 130 interrupted,
143 terminated. It is a failure if the reader of standard output leaves early.
"""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parsed = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        cache = Cache(parsed.cache_dir or default_cache_dir())
        if parsed.command == "list":
            return _list(cache, as_json=parsed.json)
        if parsed.command == "verify":
            return _verify(cache)
        return _prune(cache, parsed)
    except BrokenPipeError:
        pass  # the reader of a pipe has seen enough
    except PullError as error:
        complain(f"error: {error}")
    except OSError as error:
        place = os.fsdecode(error.filename or parsed.cache_dir or "cache")
        complain(f"error: {in_short(place)}: {(error.strerror or str(error)).lower()}")
    return FAILED


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m pull.cache",
        description="List, verify or prune the cache of downloaded blobs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version(parser, backends)
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="(default: pyext4 in the user's cache directory)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="show all blobs, their sizes and their images")
    listing.add_argument("--json", action="store_true", help="as JSON")
    commands.add_parser("verify", help="hash all blobs and drop damaged ones")
    pruning = commands.add_parser("prune", help="remove blobs")
    pruning.add_argument(
        "--older-than",
        type=_duration,
        metavar="AGE",
        help="blobs unused for this long, such as 12h, 30d or 8w",
    )
    pruning.add_argument(
        "--max-size", type=_size, metavar="SIZE", help="least recently used, until SIZE is met"
    )
    pruning.add_argument(
        "--unreferenced", action="store_true", help="blobs that no pulled image needs any more"
    )
    pruning.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parsed = parser.parse_args(arguments)
    if parsed.command == "prune" and not (
        parsed.unreferenced or parsed.older_than is not None or parsed.max_size is not None
    ):
        pruning.error("say what: --older-than, --max-size or --unreferenced")
    return parsed


def _list(cache: Cache, *, as_json: bool) -> int:
    found, partial = blobs(cache), leftovers(cache)
    if as_json:
        facts = [
            {
                "digest": str(blob.digest),
                "size_bytes": blob.size,
                "used": blob.used,
                "references": blob.references,
            }
            for blob in found
        ]
        print(json.dumps(facts, indent=2))
        return 0
    for blob in found:
        print(_line(blob))
    total = sum(blob.size for blob in found)
    print(f"{len(found)} blobs, {format_size(total)}, in {shown(str(cache.directory))}")
    if partial:
        size = sum(item.size for item in partial)
        print(f"{len(partial)} unfinished downloads, {format_size(size)}")
    return 0


def _verify(cache: Cache) -> int:
    damaged = count = total = 0
    for blob, sound in verify(cache):
        count += 1
        total += blob.size
        if not sound:
            damaged += 1
            print(f"damaged, dropped: {_line(blob)}")
    print(f"{count} blobs verified, {format_size(total)}, damaged: {damaged}")
    return FAILED if damaged else 0


def _prune(cache: Cache, parsed: argparse.Namespace) -> int:
    gone, old = prune(
        cache,
        older_than_seconds=parsed.older_than,
        max_bytes=parsed.max_size,
        unreferenced=parsed.unreferenced,
        dry_run=parsed.dry_run,
    )
    for blob in gone:
        print(_line(blob))
    size = sum(blob.size for blob in gone) + sum(item.size for item in old)
    verb = "would be removed" if parsed.dry_run else "removed"
    leftover = f" and {len(old)} unfinished downloads" if old else ""
    print(f"{len(gone)} blobs{leftover} {verb}, {format_size(size)}")
    return 0


def _line(blob: Blob) -> str:
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(blob.used))
    references = shown(", ".join(blob.references))
    return f"{blob.digest}  {format_size(blob.size):>10}  {used}  {references}"


def _duration(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if match is None:
        msg = f"expected a number with s, m, h, d or w: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return float(int(match[1]) * _SECONDS[match[2]])


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(run(main))
