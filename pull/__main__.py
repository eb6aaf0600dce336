"""`python -m pull REF OUT.ext4`."""

import sys

from pull.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
