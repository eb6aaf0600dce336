"""`python -m pyext4 info|ls|stat|cat|extract|verify IMAGE`."""

import sys

from pyext4.commands.program import FAILED, complain, run
from pyext4.errors import BackendError

__all__ = ["program"]


def program() -> int:
    """Run the commands as a process, and return its exit status."""
    return run(_main)


def _main() -> int:
    try:
        from pyext4.commands.cli import main  # noqa: PLC0415  # slow: signals come first
    except BackendError as error:
        complain(f"error: {error}")
        return FAILED
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(program())
