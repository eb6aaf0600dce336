"""Run one shell script and print what it took, as a JSON line on standard error.

    python -I -S launch.py SCRIPT

This is a separate, small process: the peak memory of a process includes what its parent had at the
start. It imports nothing slow or large.
"""

import json
import os
import sys
import time

__all__: list[str] = []


def main(script: str) -> None:
    """Run the script with `sh -ec`; standard output and error are its own until it ends."""
    before = _written_bytes()
    start = time.perf_counter()
    pid = os.posix_spawn("/bin/sh", ["sh", "-ec", script], os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    facts = {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "memory_bytes": usage.ru_maxrss * 1024,
        "written_bytes": _written_bytes() - before,
    }
    print("\n" + json.dumps(facts), file=sys.stderr)


def _written_bytes() -> int:
    """Read how many bytes this process and its finished children caused to be written.

    Bytes that were cancelled before they reached the disk don't count.
    """
    with open("/proc/self/io", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
        counters = {name: int(value) for name, value in (line.split(": ") for line in file)}
    return counters["write_bytes"] - counters["cancelled_write_bytes"]


if __name__ == "__main__":
    main(sys.argv[1])
