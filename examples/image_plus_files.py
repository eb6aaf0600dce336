"""A container image's filesystem with a few files more.

python examples/image_plus_files.py REFERENCE OUT.ext4 [HOST_FILE:PATH]...

python examples/image_plus_files.py debian:12 root.ext4 ~/.ssh/id.pub:/root/.ssh/authorized_keys
"""

from __future__ import annotations

import sys
from pathlib import Path

from flatten import flatten
from pull import pull
from pyext4 import Ext4Writer, File


def main(reference: str, target: str, more: list[str]) -> None:
    """Pull, merge the layers into the new filesystem, and add to the tree before it is written."""
    with pull(reference) as image, Ext4Writer(target) as writer:
        tree = flatten(image.layers, into=writer.store)
        image.check()  # that all layers are what their digests promise
        tree.add("/etc/hostname", File.of(b"vm\n"))
        tree.add("/etc/image", File.of(f"{reference}\n{image.digest}\n".encode(), mode=0o444))
        for addition in more:
            host, _, path = addition.partition(":")
            tree.add(path, File.of(Path(host), mode=0o600))
        written = writer.commit(tree)
    print(f"{target}: {written.files_count} files, uuid {written.uuid}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
