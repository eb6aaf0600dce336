"""The numbers of users and groups, as the tree's own etc/passwd and etc/group have them.

passwd(5), group(5): lines of fields separated by colons, the name first, its number third. If two
lines have the same name, the first counts, as in getpwnam(3).
"""

from __future__ import annotations

from flatten.errors import EntryError
from flatten.paths import walk_to
from pyext4.content import open_content
from pyext4.tree import File, Symlink, Tree

__all__ = ["Accounts"]

ID_MAX = 4294967294  # -1 is not an id: chown(2)
READ_MAX = 16 << 20  # bytes of a file; a larger one isn't a list of accounts
LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h


class Accounts:
    """Reads each of the two files when first asked for a name in it."""

    def __init__(self, tree: Tree) -> None:
        """Look into `tree`, whose contents must already be readable."""
        self._tree = tree
        self._known: dict[bytes, dict[bytes, int]] = {}

    def user(self, name: bytes) -> int | None:
        """Return a user's number, or None if unknown; raises OSError."""
        return self._numbers(b"etc/passwd").get(name)

    def group(self, name: bytes) -> int | None:
        """Return a group's number, or None if unknown; raises OSError."""
        return self._numbers(b"etc/group").get(name)

    def _numbers(self, path: bytes) -> dict[bytes, int]:
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = {}
            for line in _content(self._tree, path).split(b"\n"):
                name, *fields = line.split(b":")
                number = fields[1] if len(fields) > 1 else b""
                if name and number.isdigit() and len(number) <= 10 and int(number) <= ID_MAX:
                    known.setdefault(name, int(number))
        return known


def _content(tree: Tree, path: bytes) -> bytes:
    """Read a file of the tree, following symbolic links; empty if it isn't a file."""
    for _ in range(LINKS_MAX):
        parent, _, name = path.rpartition(b"/")
        try:
            directory = walk_to(tree.root, parent, None).directory
        except EntryError:  # too many links on the way: nothing in the image finds it either
            return b""
        node = directory.children.get(name) if directory is not None else None
        if isinstance(node, Symlink):
            path = node.target if node.target.startswith(b"/") else parent + b"/" + node.target
            continue
        if isinstance(node, File):
            with open_content(node) as stream:
                content = stream.read(min(node.size, READ_MAX))
            # a truncated line may have a truncated number
            return content if node.size <= READ_MAX else content.rpartition(b"\n")[0]
        break
    return b""
