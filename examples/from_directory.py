"""A filesystem from a directory, of which everything belongs to root.

python examples/from_directory.py DIRECTORY OUT.ext4
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from pyext4 import Options, tree_from_directory, write_ext4

FREE_BYTES = 16 << 20


def main(directory: str, target: str) -> None:
    """Read the directory's names, change owners, and write; file contents are read only then."""
    tree = tree_from_directory(Path(directory))
    for node in tree.nodes():
        node.meta = replace(node.meta, uid=0, gid=0)
    if tree.find("/.git") is not None:
        tree.remove("/.git")
    written = write_ext4(tree, target, Options(free_bytes=FREE_BYTES))
    print(f"{target}: {written.files_count} files in {written.size_bytes} bytes")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
