"""`python -m pull REF OUT.ext4`."""

import gc
import sys

from pull.cli import main

if __name__ == "__main__":
    status = main(sys.argv[1:])
    # the process ends: nobody needs its memory searched for cycles once more
    gc.freeze()
    sys.exit(status)
