"""What two images differ in: names, attributes, contents. Exit status 1 if in anything.

python examples/diff_images.py OLD.ext4 NEW.ext4
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator

from pyext4 import Ext4Reader, Inode, open_ext4


def facts(image: Ext4Reader, node: Inode) -> dict[str, object]:
    """Return what counts of an inode; the content only of files and links."""
    found: dict[str, object] = {
        "mode": stat.filemode(node.mode),
        "owner": f"{node.uid}:{node.gid}",
        "mtime": node.mtime_ns,
        "attributes": image.xattrs(node),
    }
    if stat.S_ISREG(node.mode):
        found |= {"size": node.size, "content": image.read(node)}
    elif stat.S_ISLNK(node.mode):
        found["target"] = image.readlink(node)
    return found


def differences(old: Ext4Reader, new: Ext4Reader) -> Iterator[str]:
    """Yield a line for each path that differs."""
    before, after = dict(old.walk()), dict(new.walk())
    for path in sorted(before.keys() | after.keys()):
        name = os.fsdecode(path)
        if path not in after or path not in before:
            yield f"{'-' if path in before else '+'} {name}"
            continue
        was, now = facts(old, before[path]), facts(new, after[path])
        changed = [key for key in was.keys() | now.keys() if was.get(key) != now.get(key)]
        if changed:
            yield f"! {name}: {', '.join(sorted(changed))}"


if __name__ == "__main__":
    with open_ext4(sys.argv[1]) as first, open_ext4(sys.argv[2]) as second:
        lines = list(differences(first, second))
    print("\n".join(lines))
    sys.exit(1 if lines else 0)
