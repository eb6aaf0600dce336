"""`python -m pyext4 info|ls|stat|cat|tree|map|diff|extract|verify|make`."""

import sys

from pyext4.commands.program import run
from pyext4.commands.telling import Telling
from pyext4.errors import BackendError
from pyext4.programs.naming import called_by

__all__ = ["program"]


def program() -> int:
    """Run the commands as a process, and return its exit status."""
    return run(_main)


def _main() -> int:
    try:
        from pyext4.commands.cli import main  # noqa: PLC0415  # slow: signals come first
    except BackendError as error:
        return Telling("", json="--json" in sys.argv).failed(error, str(error))
    return main(sys.argv[1:], name=called_by("pyext4"))


if __name__ == "__main__":
    sys.exit(program())
