"""A whole tree: what paths mean in it, and its nodes one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pyext4.errors import ContentError, PathError, WayError, shown
from pyext4.tree.nodes import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink
from pyext4.tree.text import as_bytes
from pyext4.tree.walk import NAME_MAX, Make, Place, walk_to

__all__ = ["Tree"]

_IMPLICIT = Metadata(mode=0o755)


def _default_root() -> Directory:
    return Directory(Metadata(mode=0o755))


class _Entry(NamedTuple):
    """A path taken apart at its last name, which is empty for the root."""

    whole: bytes
    parent: bytes
    name: bytes
    slash: bool  # at its end, which only a directory may have


@dataclass(slots=True, eq=False)
class Tree:
    """A whole filesystem, from its root directory down.

    Paths begin at the root, with or without a slash. They lead where they would lead in a chroot:
    through the tree's own symbolic links, and `..` stops at the root. A path is bytes, as names
    are; text is taken as UTF-8, with what `os.fsdecode` makes of other bytes.

    Several threads may read one tree, or write filesystems of it, as long as none changes it.

    Attributes:
        root: The root directory.
    """

    root: Directory = field(default_factory=_default_root)

    def add(self, path: bytes | str, node: Node) -> None:
        """Let `path` mean `node`, and make the directories on the way: 0755, of root, time 0.

        What stood there goes, a directory with all that is in it. A symbolic link at the end of
        the path is replaced itself; those on the way are followed, and what they lead to is made
        if it is missing. The same node under a second path is a hard link. `add(b"/", directory)`
        replaces the root.

        Raises:
            PathError: something on the way is not a directory, the links are more than 40, a name
                is too long or has a NUL, the path is empty or ends in `..`, what is no directory
                would get a path for one, or a directory would stand in itself.
            TypeError: the path or the node is of a wrong type.
        """
        _check_kind(node)
        entry = _entry(path)
        if not isinstance(node, Directory) and (entry.slash or not entry.name):
            what = "ends with a slash" if entry.name else "is the root"
            raise PathError(entry.whole, f"{what}, so it must be a directory")
        if not entry.name:
            assert isinstance(node, Directory)
            self.root = node
            return
        place = self._walk(entry.whole, entry.parent)
        if isinstance(node, Directory) and node in place.trail:
            raise PathError(entry.whole, "a directory can't stand in itself")
        if place.directory is None:
            place = self._walk(entry.whole, entry.parent, _Maker(entry.whole))
        assert place.directory is not None
        place.directory.children[entry.name] = node

    def find(self, path: bytes | str, *, follow: bool = False) -> Node | None:
        """Return the node that a path names, None where there is nothing.

        `follow` the symbolic link that the path ends in; those on the way are followed in any
        case, and so is one before a slash at the end. A link that leads nowhere finds None.

        Raises:
            PathError: the links on the way are more than 40, or the path is empty.
            TypeError: the path is neither bytes nor str.
        """
        whole = _not_empty(path)
        parent, _, name = whole.rpartition(b"/")
        if follow or name in (b"", b".", b".."):
            place = self._walk(whole, whole)
            return place.directory or place.other
        directory = self._walk(whole, parent).directory
        return None if directory is None else directory.children.get(name)

    def remove(self, path: bytes | str) -> Node:
        """Take the node that a path names out of the tree, and return it.

        A directory goes with all that is in it, a symbolic link itself. Other names of the same
        node stay. `tree.add(new, tree.remove(old))` renames.

        Raises:
            PathError: there is nothing, the path is the root or ends in `..`, it ends with a slash
                and is no directory, the links on the way are more than 40, or the path is empty.
            TypeError: the path is neither bytes nor str.
        """
        entry = _entry(path)
        if not entry.name:
            raise PathError(entry.whole, "the root can't be removed")
        directory = self._walk(entry.whole, entry.parent).directory
        node = None if directory is None else directory.children.get(entry.name)
        if directory is None or node is None:
            raise PathError(entry.whole, "no such file or directory")
        if entry.slash and not isinstance(node, Directory):
            raise PathError(entry.whole, "ends with a slash, but is not a directory")
        return directory.children.pop(entry.name)

    def nodes(self) -> Iterator[Node]:
        """Yield every node in no particular order, as often as it has names.

        Raises:
            ContentError: a directory has two names, so that it may contain itself.
        """
        stack = [self.root]
        met = {self.root}
        yield self.root
        while stack:
            for child in stack.pop().children.values():
                yield child
                if isinstance(child, Directory):
                    if child in met:
                        for _ in self.walk():  # finds it again, with its path
                            pass
                    met.add(child)
                    stack.append(child)

    def walk(self) -> Iterator[tuple[bytes, Node]]:
        """Yield every (path, node) in sorted depth-first order; the root is `b"/"`.

        Raises:
            ContentError: a directory has two names, so that it may contain itself.
        """
        stack: list[tuple[bytes, Node]] = [(b"/", self.root)]
        met: set[Node] = set()
        while stack:
            path, node = stack.pop()
            yield path, node
            if isinstance(node, Directory):
                if node in met:
                    raise ContentError(path, "a directory can have only one name")
                met.add(node)
                prefix = path if path == b"/" else path + b"/"
                stack.extend(
                    (prefix + name, child)
                    for name, child in sorted(node.children.items(), reverse=True)
                )

    def _walk(self, whole: bytes, path: bytes, make: Make | None = None) -> Place:
        try:
            return walk_to(self.root, path, make)
        except WayError as error:
            raise PathError(whole, str(error)) from error


class _Maker:
    """Makes the directories that are missing on the way to a path."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    def __call__(self, parent: Directory, name: bytes) -> Directory:
        if name in parent.children:
            text = shown(name.decode(errors="backslashreplace"))
            raise PathError(self._whole, f"not a directory on the way: {text}")
        _check_name(self._whole, name)
        made = parent.children[name] = Directory(_IMPLICIT)
        return made


def _not_empty(path: bytes | str) -> bytes:
    whole = as_bytes(path)
    if not whole:
        raise PathError(whole, "an empty path names nothing")
    return whole


def _entry(path: bytes | str) -> _Entry:
    """Take apart the path of an entry that is to be put in or taken out."""
    whole = _not_empty(path)
    names = [name for name in whole.split(b"/") if name not in (b"", b".")]
    for name in names:
        _check_name(whole, name)
    if names and names[-1] == b"..":
        raise PathError(whole, "must not end in: ..")
    slash = whole.rpartition(b"/")[2] in (b"", b".")
    return _Entry(whole, b"/".join(names[:-1]), names[-1] if names else b"", slash)


def _check_name(whole: bytes, name: bytes) -> None:
    if len(name) > NAME_MAX or b"\0" in name:
        raise PathError(whole, f"a name has 1 to {NAME_MAX} bytes and no NUL")


def _check_kind(node: object) -> None:
    if not isinstance(node, Directory | File | Symlink | Device | Fifo | Socket):
        msg = (
            "node: must be Directory, File, Symlink, Device, Fifo or Socket,"
            f" not {type(node).__name__}: {node!r:.60}"
        )
        raise TypeError(msg)
