"""A filesystem from a dictionary of paths and texts.

python examples/from_dict.py OUT.ext4
"""

from __future__ import annotations

import sys

from pyext4 import Directory, File, Metadata, Options, Symlink, Tree, write_ext4

FILES = {
    "/etc/hostname": "vm\n",
    "/etc/hosts": "127.0.0.1 localhost vm\n",
    "/usr/bin/hello": "#!/bin/sh\necho hello\n",
    "/bin/hi": "#!/bin/sh\necho hi\n",  # /bin leads to /usr/bin
}


def main(target: str) -> None:
    """Write the files, a link and a directory for everyone."""
    tree = Tree()
    tree.add("/bin", Symlink(Metadata(mode=0o777), b"usr/bin"))
    tree.add("/tmp", Directory(Metadata(mode=0o1777)))  # noqa: S108  # of the image
    for path, text in FILES.items():
        mode = 0o755 if text.startswith("#!") else 0o644
        tree.add(path, File.of(text.encode(), mode=mode))
    written = write_ext4(tree, target, Options(label=b"from a dict", smallest=True))
    print(f"{target}: {written.files_count} files in {written.size_bytes} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
