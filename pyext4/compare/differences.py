"""The differences of two filesystems, path by path.

Both are walked in step, in the order of their names, so the work grows with the number of names
and the memory with the names of one directory. Bytes are read only of files that have the same
size on both sides.

Files with several names are the same on both sides if the same paths name them. To see that, each
path of such a file is held against the first path that named it: if these are the same for every
path, so are the groups.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pyext4.compare.contents import same_bytes, stretches
from pyext4.compare.sides import LOST_AND_FOUND, Comparable, Key, Side, Sight, side_of
from pyext4.tree import Device, Directory, Fifo, File, Node, Socket, Symlink, Tree

__all__ = ["Change", "Difference", "diff_images"]

Value: TypeAlias = int | str | bytes | tuple[int, int] | None

_TYPES: Final = {
    Directory: "directory",
    File: "file",
    Symlink: "symlink",
    Fifo: "fifo",
    Socket: "socket",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs at a path.

    Attributes:
        field: What: type, mode, uid, gid, mtime_ns, size, content, target, device, first_name or
            xattr.
        name: Of an extended attribute.
        before: Its value on the first side; None if there is none to show.
        after: Its value on the second side; likewise.
    """

    field: str
    name: bytes = b""
    before: Value = None
    after: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A path at which two sides differ.

    Attributes:
        path: Where, from the root.
        kind: `added` if the first side lacks it, `removed` if the second does, else `changed`.
        changes: Of a changed one, at least one.
    """

    path: bytes
    kind: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...] = ()


def diff_images(
    one: Comparable, other: Comparable, *, times: bool = True, contents: bool = True
) -> Iterator[Difference]:
    """Yield what differs between two open images, an image and a tree, or two trees, by path.

    Times of modification count with `times`, the bytes of files with `contents`; times of access
    and change never do, and neither do the modes of two symbolic links, which Linux ignores and
    nobody can set. Everything below a directory that only one side has is yielded too. The
    `lost+found` of an image is left out if the other side is a tree, which has none.

    Raises:
        DamagedError: an image is damaged; the message begins with its path.
        ContentError: a directory of a tree has two names.
        OSError: a tree's content can't be read.
    """
    run = _Comparison(side_of(one), side_of(other), times, contents)
    one_is_tree, other_is_tree = isinstance(one, Tree), isinstance(other, Tree)
    yield from run.walk(without_lost_and_found=one_is_tree != other_is_tree)


@dataclass(slots=True)
class _Comparison:
    one: Side
    other: Side
    times: bool
    contents: bool
    first_of_one: dict[int, bytes] = field(default_factory=dict)  # identity -> first path
    first_of_other: dict[int, bytes] = field(default_factory=dict)
    compared: dict[tuple[int, int], bool] = field(default_factory=dict)  # of files with names

    def walk(self, *, without_lost_and_found: bool) -> Iterator[Difference]:
        todo: list[tuple[bytes, Key | None, Key | None]]
        todo = [(b"/", self.one.root(), self.other.root())]
        while todo:
            path, left, right = todo.pop()
            here = None if left is None else self.one.look(left)
            there = None if right is None else self.other.look(right)
            found = self._difference(path, left, here, right, there)
            if found:
                yield found
            ours = self._children(self.one, left, here, path)
            theirs = self._children(self.other, right, there, path)
            if path == b"/" and without_lost_and_found:
                names = ours.keys() & theirs.keys()
                if LOST_AND_FOUND not in names:
                    ours.pop(LOST_AND_FOUND, None)
                    theirs.pop(LOST_AND_FOUND, None)
            prefix = path if path == b"/" else path + b"/"
            for name in sorted(ours.keys() | theirs.keys(), reverse=True):
                todo.append((prefix + name, ours.get(name), theirs.get(name)))

    def _children(
        self, side: Side, key: Key | None, sight: Sight | None, path: bytes
    ) -> dict[bytes, Key]:
        if key is None or sight is None or not isinstance(sight.node, Directory):
            return {}
        return side.children(key, path)

    def _difference(
        self,
        path: bytes,
        left: Key | None,
        here: Sight | None,
        right: Key | None,
        there: Sight | None,
    ) -> Difference | None:
        first = _first(self.first_of_one, here, path)
        second = _first(self.first_of_other, there, path)
        if left is None or here is None:
            return Difference(path=path, kind="added")
        if right is None or there is None:
            return Difference(path=path, kind="removed")
        changes = list(self._attributes(here.node, there.node))
        if isinstance(here.node, File) and isinstance(there.node, File):
            changes += self._content(left, here, right, there)
        if first != second:
            changes.append(Change(field="first_name", before=first, after=second))
        changes += _xattrs(here.node, there.node)
        return Difference(path=path, kind="changed", changes=tuple(changes)) if changes else None

    def _attributes(self, here: Node, there: Node) -> Iterator[Change]:
        pairs: list[tuple[str, Value, Value]] = [
            ("type", _type(here), _type(there)),
            ("uid", here.meta.uid, there.meta.uid),
            ("gid", here.meta.gid, there.meta.gid),
        ]
        if not isinstance(here, Symlink) or not isinstance(there, Symlink):
            pairs.insert(1, ("mode", here.meta.mode, there.meta.mode))
        if self.times:
            pairs.append(("mtime_ns", here.meta.mtime_ns, there.meta.mtime_ns))
        if isinstance(here, Symlink) and isinstance(there, Symlink):
            pairs.append(("target", here.target, there.target))
        if isinstance(here, Device) and isinstance(there, Device):
            pairs.append(("device", (here.major, here.minor), (there.major, there.minor)))
        for name, before, after in pairs:
            if before != after:
                yield Change(field=name, before=before, after=after)

    def _content(self, left: Key, here: Sight, right: Key, there: Sight) -> Iterator[Change]:
        one, other = here.node, there.node
        assert isinstance(one, File)
        assert isinstance(other, File)
        if one.size != other.size:
            yield Change(field="size", before=one.size, after=other.size)
        elif self.contents and one.size and not self._same(left, here, right, there):
            yield Change(field="content")

    def _same(self, left: Key, here: Sight, right: Key, there: Sight) -> bool:
        pair = here.identity, there.identity
        if pair in self.compared:
            return self.compared[pair]
        one, other = here.node, there.node
        assert isinstance(one, File)
        assert isinstance(other, File)
        stream, segments = self.one.open(left, one)
        with closing(stream) as first:
            stream, others = self.other.open(right, other)
            with closing(stream) as second:
                same = same_bytes(first, second, stretches(segments, others))
        if here.shared or there.shared:
            self.compared[pair] = same
        return same


def _first(known: dict[int, bytes], sight: Sight | None, path: bytes) -> bytes:
    """Return the first path of a file with several, `path` itself for others."""
    if sight is None or not sight.shared:
        return path
    return known.setdefault(sight.identity, path)


def _type(node: Node) -> str:
    if isinstance(node, Device):
        return "character device" if node.kind == stat.S_IFCHR else "block device"
    return _TYPES[type(node)]


def _xattrs(here: Node, there: Node) -> Iterator[Change]:
    before, after = dict(here.meta.xattrs), dict(there.meta.xattrs)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(field="xattr", name=name, before=before.get(name), after=after.get(name))
