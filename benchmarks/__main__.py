"""Measure: `python -m benchmarks --all`, or see --help."""

from __future__ import annotations

import argparse
import compileall
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contest import Result
from benchmarks.inputs import CHECKOUT
from benchmarks.machine import describe
from benchmarks.make_images import locked, make, recompress, tags
from benchmarks.place import Place
from benchmarks.report import from_json, markdown, to_json
from benchmarks.reuse_workloads import REUSE_WORKLOADS, run_reuse
from benchmarks.workloads import (
    IMAGE_WORKLOADS,
    LIBRARY_WORKLOADS,
    run_images,
    run_library,
)

__all__ = ["main"]

NAMES = [*IMAGE_WORKLOADS, *REUSE_WORKLOADS, *LIBRARY_WORKLOADS]
USUAL = ["cached", "cold"]
SHORT = ["cached", "cold", "rebuild", "small"]

EXAMPLES = """\
examples:
  python -m benchmarks                          cached and cold, full image
  python -m benchmarks --all --json out.json    the whole table
  python -m benchmarks --short                  check that everything still runs
  python -m benchmarks --from out.json --picture speed.svg
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; return the exit status."""
    args = _parser().parse_args(argv)
    if args.from_json:
        results, machine = from_json(json.loads(args.from_json.read_text()))
    else:
        results, machine = _measure(args)
    if args.json:
        args.json.write_text(json.dumps(to_json(results, machine), indent=1) + "\n")
    text = markdown(results, machine, judge=not args.short)
    if args.markdown:
        args.markdown.write_text(text)
    print(text)
    if args.picture:
        from benchmarks.picture import draw  # noqa: PLC0415 - matplotlib is big

        draw(results, args.picture)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare this project with other tools: interleaved runs, checked outputs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--workload", action="append", choices=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}")
    add("--all", action="store_true", help="every workload, including the 8 GiB file")
    add("--short", action="store_true", help="the two-layer image, one round: a smoke test")
    add("--rounds", type=int, help="counted rounds, instead of each workload's own number")
    add("--images", type=Path, default=Path(".images/real"), help="the OCI layout")
    add("--place", type=Path, default=Path(".images/bench"), help="where inputs and outputs go")
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    add("--markdown", type=Path, metavar="FILE", help="also write the tables to FILE")
    add("--picture", type=Path, metavar="FILE", help="draw a picture (.svg, .png)")
    add("--from", dest="from_json", type=Path, metavar="FILE", help="read --json's FILE instead")
    return parser


def _measure(args: argparse.Namespace) -> tuple[list[Result], dict[str, str]]:
    os.environ["PATH"] += f":/usr/sbin:/sbin:{Path(sys.executable).parent}"
    for package in ("pull", "flatten", "pyext4", "benchmarks"):
        compileall.compile_dir(CHECKOUT / package, quiet=1)  # as pip does on installation
    tag = "two" if args.short else "full"
    names = args.workload or (SHORT if args.short else USUAL)
    if args.all:
        names = NAMES
    place = Place(
        inputs=args.place.absolute() / "inputs",
        run=args.place.absolute() / "run",
        rounds=1 if args.short else args.rounds,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if any(name in IMAGE_WORKLOADS or name in REUSE_WORKLOADS for name in names):
        if tag not in tags(args.images):
            make(args.images, tag)
        if "zstd" in names:
            recompress(args.images.absolute(), tag)
    args.place.mkdir(parents=True, exist_ok=True)
    with locked(args.place / "lock"):  # two at once would disturb each other
        results = run_images(names, args.images, tag, place)
        results += run_reuse(names, args.images, tag, place, short=args.short)
        results += run_library(names, place)
    return results, describe(args.place)


if __name__ == "__main__":
    sys.exit(main())
