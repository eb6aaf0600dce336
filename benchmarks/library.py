"""Measure the library: a tree that exists, and the call that writes it.

    python -m benchmarks.library WORKLOAD [ARGUMENT] OUT

prints one JSON line: the seconds of the call alone, and the resident memory before the tree.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from pyext4 import write_ext4
from pyext4.host import tree_from_directory
from pyext4.tree import Directory, File, Metadata, Node, Tree

__all__ = ["main"]

ENTRIES_IN_A_DIRECTORY = 1000


def flat(count: int) -> Tree:
    """One directory of `count` empty files."""
    meta = Metadata(mode=0o644)
    files: dict[bytes, Node] = {b"file-%06d" % number: File(meta) for number in range(count)}
    return Tree(Directory(Metadata(mode=0o755), {b"flat": Directory(Metadata(mode=0o755), files)}))


def entries(count: int) -> Tree:
    """`count` entries, in directories of a thousand files of 100 bytes."""
    meta, folder_meta = Metadata(mode=0o644, uid=1000), Metadata(mode=0o755)
    data = b"x" * 100
    root = Directory(folder_meta)
    for first in range(0, count, ENTRIES_IN_A_DIRECTORY):
        files = min(ENTRIES_IN_A_DIRECTORY, count - first) - 1  # the directory is an entry too
        root.children[b"directory-%04d" % (first // ENTRIES_IN_A_DIRECTORY)] = Directory(
            folder_meta,
            {b"file-%07d" % number: File(meta, 100, data) for number in range(files)},
        )
    return Tree(root)


def one_file(path: Path) -> Tree:
    """One big host file."""
    meta = Metadata(mode=0o644)
    return Tree(Directory(Metadata(mode=0o755), {b"big": File(meta, path.stat().st_size, path)}))


def resident_bytes() -> int:
    """Read this process's resident set."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Build, write, report."""
    workload, argument, out = sys.argv[1:]
    before = resident_bytes()
    start = time.perf_counter()
    if workload == "host":
        tree = tree_from_directory(Path(argument))  # part of the work, as for mke2fs -d
    else:
        make = {"flat": flat, "entries": entries}
        tree = one_file(Path(argument)) if workload == "file" else make[workload](int(argument))
        start = time.perf_counter()
    write_ext4(tree, Path(out))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "rss_before_bytes": before}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
