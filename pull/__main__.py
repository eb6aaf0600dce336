"""`python -m pull REF OUT.ext4`."""

import gc
import sys

from pull.cli import main

if __name__ == "__main__":
    # a tree that grows makes no cycles, but the collector would search all of it time and again
    gc.disable()
    status = main(sys.argv[1:])
    # the process ends: nobody needs its memory searched for cycles once more
    gc.freeze()
    sys.exit(status)
