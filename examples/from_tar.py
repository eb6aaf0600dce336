"""A filesystem from tars, plain or compressed, the later ones on top of the earlier.

python examples/from_tar.py TAR... OUT.ext4
"""

from __future__ import annotations

import sys
from pathlib import Path

from flatten import LeftOut, flatten, tar_layer
from pyext4 import Ext4Writer, Options


def main(tars: list[str], target: str) -> None:
    """Let the files' bytes go straight to their blocks, while the tars are decompressed."""
    left_out = LeftOut()
    with Ext4Writer(target, Options(label=b"from a tar")) as writer:
        layers = [tar_layer(Path(tar)) for tar in tars]
        tree = flatten(layers, into=writer.store, left_out=left_out)
        written = writer.commit(tree)
    print(f"{target}: {written.files_count} files in {written.size_bytes} bytes")
    for (what, which), count in left_out.counts.items():
        print(f"left out: {count} of {what} {which}")


if __name__ == "__main__":
    main(sys.argv[1:-1], sys.argv[-1])
