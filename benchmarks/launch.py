"""Runs one shell script and prints what it took, as a JSON line on standard error.

    python -I -S launch.py SCRIPT

A process of its own, and a small one: what a process has used at its peak includes what its parent
had when it began. Imports nothing that is slow or large.
"""

import json
import os
import sys
import time

__all__: list[str] = []


def main(script: str) -> None:
    """Run the script by `sh -ec`; standard output and error are its own until it ends."""
    start = time.perf_counter()
    pid = os.posix_spawn("/bin/sh", ["sh", "-ec", script], os.environ)
    # it stays a zombie, whose counters (with those of its children) can be read
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - start
    with open(f"/proc/{pid}/io", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
        counters = {name: int(value) for name, value in (line.split(": ") for line in file)}
    _, status, usage = os.wait4(pid, 0)
    facts = {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "memory_bytes": usage.ru_maxrss * 1024,
        # less what was taken back before it reached the disk
        "written_bytes": counters["write_bytes"] - counters["cancelled_write_bytes"],
    }
    print("\n" + json.dumps(facts), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
