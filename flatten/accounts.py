"""The numbers of users and groups, as the tree's own etc/passwd and etc/group have them.

passwd(5), group(5): lines of fields with colons between, the name first, its number third. Of two
lines with the same name the first counts, as in getpwnam(3).
"""

from __future__ import annotations

from pyext4.content import open_content
from pyext4.errors import PathError
from pyext4.tree import File, Tree

__all__ = ["Accounts"]

ID_MAX = 4294967294  # -1 is no one's: chown(2)
READ_MAX = 16 << 20  # bytes of a file that a tool made, and nobody's list of accounts beyond


class Accounts:
    """Reads each of the two files when first asked for a name in it."""

    def __init__(self, tree: Tree) -> None:
        """Look into `tree`, whose contents have to be readable by then."""
        self._tree = tree
        self._known: dict[bytes, dict[bytes, int]] = {}

    def user(self, name: bytes) -> int | None:
        """Return the number of a user, None of one who is unknown; raises OSError."""
        return self._numbers(b"etc/passwd").get(name)

    def group(self, name: bytes) -> int | None:
        """Return the number of a group, None of one that is unknown; raises OSError."""
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
    """Read a file of the tree, wherever its symbolic links lead; empty where it is none."""
    try:
        node = tree.find(path, follow=True)
    except PathError:  # too many links on the way: nobody in the image finds it either
        return b""
    if not isinstance(node, File):
        return b""
    with open_content(node) as stream:
        content = stream.read(min(node.size, READ_MAX))
    # a line that was cut has a number that was cut
    return content if node.size <= READ_MAX else content.rpartition(b"\n")[0]
