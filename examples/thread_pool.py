"""Several filesystems at once, with progress; one failure or Ctrl-C ends them all.

python examples/thread_pool.py OUT_DIRECTORY DIRECTORY...
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from pyext4 import CancelledError, Written, tree_from_directory, write_ext4


def show(name: str, phase: str, done_bytes: int, total_bytes: int) -> None:
    """Print one line; each thread calls this for its own image."""
    print(f"{name}: {phase}, {done_bytes} of {total_bytes} bytes", flush=True)


def write(source: Path, target: Path, stop: threading.Event) -> Written:
    """Write one directory."""
    tree = tree_from_directory(source)
    progress = partial(show, source.name)
    return write_ext4(tree, target, progress=progress, cancelled=stop.is_set)


def main(out: Path, sources: list[Path]) -> int:
    """Write all, or stop all; return the exit status."""
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(write, each, out / f"{each.name}.ext4", stop) for each in sources]
        try:
            wait(runs, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()  # for those that are not done: after a failure, or Ctrl-C
    for source, run in zip(sources, runs, strict=True):
        error = run.exception()
        if error is not None and not isinstance(error, CancelledError):
            print(f"{source}: {error}", file=sys.stderr)
    return 1 if any(run.exception() for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]]))
