"""`python -m pyext4 info|ls|stat|cat|extract|verify IMAGE`."""

import sys

from pyext4.commands.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
