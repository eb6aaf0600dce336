"""`python -m pull REF OUT.ext4`, and the console script."""

import gc
import sys

from pull.command.main import main
from pull.process.program import run

__all__ = ["program"]


def program() -> int:
    """Run the command in a process of its own and return its exit status."""
    # a growing tree makes no cycles, but the collector would search all of it again and again
    gc.disable()
    status = run(main)
    # the process ends: no need to search its memory for cycles once more
    gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(program())
