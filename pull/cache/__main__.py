"""`python -m pull.cache list|verify|prune`, and the console script: look after the cache."""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pull.cache.cache import Cache, default_cache_dir, named_cache_dir
from pull.cache.maintenance import Blob, blobs, leftovers, prune, referenced, verify
from pull.errors import PullError
from pull.process.backends import backends
from pull.process.program import (
    FAILED,
    Parser,
    Telling,
    add_completion,
    add_version,
    called_by,
    reason_of,
    run,
)
from pull.spec.digest import Digest
from pull.wording import in_short, shown
from pyext4.sizes import format_size, parse_size

if TYPE_CHECKING:
    from pull.cache.states import KeptState

__all__ = ["main", "make_parser", "program"]

_EXAMPLES = """\
examples:
  %(prog)s list
  %(prog)s verify
  %(prog)s prune --older-than 30d --max-size 20G
  %(prog)s prune --unreferenced --dry-run

verify drops damaged blobs, which are downloaded again when needed, and exits 1 if there were any.
prune also removes leftovers of broken downloads that are at least a day old.

The cache is what --cache-dir names, else $PYEXT4_CACHE, else pyext4 in the user's cache directory.

Exit status: 0 done, 1 failed or damaged, 2 wrong usage, 129 hung up, 130 interrupted,
143 terminated. With --json, errors are on standard output too. It is a failure if the reader of
standard output leaves early.
"""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def program() -> int:
    """Run the command in a process of its own and return its exit status."""
    return run(partial(main, name=called_by("pull.cache")))


def main(arguments: Sequence[str] | None = None, *, name: str = "python -m pull.cache") -> int:
    """Run the command, which was called `name`, and return its exit status."""
    parsed = _parse(sys.argv[1:] if arguments is None else arguments, name)
    telling = Telling(str(parsed.cache_dir or ""), json=getattr(parsed, "json", False))
    try:
        cache = _open(parsed.cache_dir)
        if parsed.command == "list":
            return _list(cache, telling, as_json=parsed.json)
        if parsed.command == "verify":
            return _verify(cache)
        return _prune(cache, parsed)
    except BrokenPipeError:
        return FAILED  # the reader of a pipe has seen enough
    except PullError as error:
        return telling.failed(error, str(error))
    except OSError as error:
        place = os.fsdecode(error.filename or parsed.cache_dir or "cache")
        return telling.failed(error, f"{in_short(place)}: {reason_of(error)}")


def _open(named: Path | None) -> Cache:
    """Open the cache without making one: a directory that somebody named has to be there.

    Where none is named and nothing was ever downloaded, the user's own is an empty one.
    """
    directory = named or named_cache_dir()
    if directory is not None:
        return Cache(directory, must_exist=True)
    return Cache(default_cache_dir(), make=False)


def make_parser(name: str = "python -m pull.cache") -> argparse.ArgumentParser:
    """Make the parser for all commands of the program, which calls itself `name`."""
    parser = Parser(
        prog=name,
        description="List, verify or prune the cache of downloaded blobs and states of layers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version(parser, backends)
    add_completion(parser, make_parser, "pyext4-cache")
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="(default: $PYEXT4_CACHE, or pyext4 in the user's cache directory)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser(
        "list", help="show all blobs and states, their sizes and their images"
    )
    listing.add_argument("--json", action="store_true", help="as JSON, errors too")
    commands.add_parser("verify", help="read all blobs and states, and drop damaged ones")
    pruning = commands.add_parser("prune", help="remove blobs and states")
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
    pruning.set_defaults(refuse=pruning.error)
    return parser


def _parse(arguments: Sequence[str], name: str) -> argparse.Namespace:
    parsed = make_parser(name).parse_args(arguments)
    if parsed.command == "prune" and not (
        parsed.unreferenced or parsed.older_than is not None or parsed.max_size is not None
    ):
        parsed.refuse("say what: --older-than, --max-size or --unreferenced")
    return parsed


def _list(cache: Cache, telling: Telling, *, as_json: bool) -> int:
    from pull.cache.states import states  # noqa: PLC0415  # after the backend was checked

    found, partial = blobs(cache), leftovers(cache)
    kept = states(cache, referenced(cache))
    if as_json:
        facts = [_blob_facts(blob) for blob in found] + [_state_facts(state) for state in kept]
        telling.answers()
        print(json.dumps(facts, indent=2))
        return 0
    for blob in found:
        print(_line(blob))
    for state in kept:
        print(_state_line(state))
    total = sum(blob.size for blob in found)
    print(f"{len(found)} blobs, {format_size(total)}, in {shown(str(cache.directory))}")
    if kept:
        size = sum(state.size for state in kept)
        shared = sum(state.shared for state in kept)
        also = f", {format_size(shared)} of it shared with images" if shared else ""
        print(f"{len(kept)} states of layers, {format_size(size)}{also}")
    if partial:
        size = sum(item.size for item in partial)
        print(f"{len(partial)} unfinished downloads, {format_size(size)}")
    return 0


def _blob_facts(blob: Blob) -> dict[str, object]:
    return {
        "kind": "blob",
        "digest": str(blob.digest),
        "size_bytes": blob.size,
        "used": blob.used,
        "references": blob.references,
    }


def _state_facts(state: KeptState) -> dict[str, object]:
    return {
        "kind": "state",
        "digest": state.chain_id,
        "size_bytes": state.size,
        "shared_bytes": state.shared,
        "used": state.used,
        "references": state.references,
    }


def _verify(cache: Cache) -> int:
    from pull.cache.states import states, verify_states  # noqa: PLC0415  # after the backend was checked

    damaged = count = total = 0
    for blob, sound in verify(cache):
        count += 1
        total += blob.size
        if not sound:
            damaged += 1
            print(f"damaged, dropped: {_line(blob)}")
    kept = states(cache, referenced(cache))
    for state, sound in verify_states(cache, kept):
        if not sound:
            damaged += 1
            print(f"damaged, dropped: {_state_line(state)}")
    also = f" and {len(kept)} states of layers" if kept else ""
    print(f"{count} blobs{also} verified, {format_size(total)}, damaged: {damaged}")
    return FAILED if damaged else 0


def _prune(cache: Cache, parsed: argparse.Namespace) -> int:
    from pull.cache.states import beyond, prune_states, states  # noqa: PLC0415  # after the backend was checked

    kept = states(cache, referenced(cache))
    too_large: tuple[Collection[Digest], Collection[str]] = ((), ())
    if parsed.max_size is not None:
        too_large = beyond(blobs(cache), kept, parsed.max_size)
    oldest = 0.0 if parsed.older_than is None else time.time() - parsed.older_than
    states_gone = prune_states(
        cache,
        kept,
        lambda state: (
            state.key in too_large[1]
            or state.used < oldest
            or (parsed.unreferenced and not state.references)
        ),
        dry_run=parsed.dry_run,
    )
    gone, old = prune(
        cache,
        older_than_seconds=parsed.older_than,
        unreferenced=parsed.unreferenced,
        also=too_large[0],
        dry_run=parsed.dry_run,
    )
    for blob in gone:
        print(_line(blob))
    for state in states_gone:
        print(_state_line(state))
    size = sum(blob.size for blob in gone) + sum(item.size for item in old)
    size += sum(state.size - state.shared for state in states_gone)
    verb = "would be removed" if parsed.dry_run else "removed"
    what = [f"{len(gone)} blobs"]
    what += [f"{len(states_gone)} states of layers"] if states_gone else []
    what += [f"{len(old)} unfinished downloads"] if old else []
    print(f"{' and '.join(what)} {verb}, {format_size(size)}")
    return 0


def _line(blob: Blob) -> str:
    return _columns(str(blob.digest), blob.size, blob.used, blob.references)


def _state_line(state: KeptState) -> str:
    return "state of " + _columns(state.chain_id, state.size, state.used, state.references)


def _columns(name: str, size: int, used: float, references: Sequence[str]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(used))
    return f"{name}  {format_size(size):>10}  {when}  {shown(', '.join(references))}"


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
    sys.exit(program())
