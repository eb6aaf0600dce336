"""A tree from a host directory, and what both backends see in directories."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from pathlib import Path
from types import ModuleType

import pytest

from pyext4 import Directory, File, Metadata, Tree
from pyext4.content import HostFile
from pyext4.host import tree_from_directory
from pyext4.native import compiled, pure
from pyext4.native.rows import ENTRY_ROW
from pyext4.tree import Device, Fifo, Node, Socket, Symlink
from tests.oracle_tools import refuse

BACKENDS = pytest.mark.parametrize("backend", [pure, compiled])
MANY = 5000  # more than one call tells
Found = dict[bytes, list[tuple[bytes, tuple[int, ...]]]]


def fill(top: Path) -> None:
    """Make one of each kind, here and in a directory below, and names of every sort."""
    below = top / "below"
    below.mkdir(mode=0o2750)
    (top / "empty").mkdir()
    for folder in (top, below):
        (folder / "file").write_bytes(b"12345")
        (folder / "private").touch(mode=0o600)
        (folder / "link").symlink_to("not there")
        os.mkfifo(folder / "fifo", 0o640)
        os.utime(folder / "file", ns=(0, -1_500_000_001))
        os.utime(folder / "fifo", ns=(0, 4_000_000_000_999_999_999))
    (below / "other name").hardlink_to(top / "file")
    (top / "a name").hardlink_to(top / "fifo")
    (top / ("n" * 255)).touch()
    with open(os.fsencode(top) + b"/\xff\xfe\n ..", "wb"):
        pass
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(below / "socket"))


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "top"
    made.mkdir()
    fill(made)
    return made


def scanned(backend: ModuleType, *directories: Path | bytes) -> Found:
    paths = [os.fsencode(directory) for directory in directories]
    found: Found = {path: [] for path in paths}
    for entries in backend.scan_directories(paths):
        rows = zip(entries.names, ENTRY_ROW.iter_unpack(entries.rows), strict=True)
        for path, count in zip(paths, entries.counts, strict=True):
            found[path] += [next(rows) for _ in range(count)]
        assert next(rows, None) is None
    return found


def test_backends_see_the_same(top: Path) -> None:
    directories = [top, top / "empty", top / "below", Path("/dev")]
    assert scanned(compiled, *directories) == scanned(pure, *directories)


@BACKENDS
def test_entries_are_as_lstat_tells(backend: ModuleType, top: Path) -> None:
    (found,) = scanned(backend, top).values()
    assert [name for name, _ in found] == [entry.name for entry in os.scandir(os.fsencode(top))]
    for name, row in found:
        status = os.lstat(os.fsencode(top) + b"/" + name)
        assert row[0] * 10**9 + row[1] == status.st_mtime_ns
        assert row[2:6] == (status.st_mode, status.st_uid, status.st_gid, status.st_size)
        assert row[6] == (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
        assert row[8:11] == (status.st_dev, status.st_ino, status.st_nlink)
        assert row[11:] == (os.major(status.st_rdev), os.minor(status.st_rdev))


@BACKENDS
def test_many_entries_come_in_parts(backend: ModuleType, tmp_path: Path) -> None:
    for number in range(MANY):
        (tmp_path / f"{number:0200}").touch()
    parts = list(backend.scan_directories([os.fsencode(tmp_path)]))
    assert len(parts) > 1
    assert sum(sum(part.counts) for part in parts) == MANY
    assert len({name for part in parts for name in part.names}) == MANY


@BACKENDS
def test_directory_that_is_missing(backend: ModuleType, top: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        scanned(backend, top, top / "gone", top)
    assert caught.value.filename == os.fsencode(top / "gone")


@BACKENDS
def test_directory_that_is_a_file(backend: ModuleType, top: Path) -> None:
    with pytest.raises(NotADirectoryError) as caught:
        scanned(backend, top / "file")
    assert caught.value.filename == os.fsencode(top / "file")


def deep(top: Path, length: int) -> bytes:
    """Make directories below each other until the path has `length` bytes."""
    path = os.fsencode(top)
    while len(path) < length:
        left = length - len(path) - 1
        name = b"d" * (left if left <= 200 else min(200, left - 2))  # a slash and a name may follow
        mkdir(path, name)
        path += b"/" + name
    return path


def mkdir(path: bytes, name: bytes) -> None:
    """Make a directory in one whose path may be as long as paths can be."""
    fd = os.open(path, os.O_PATH)
    os.mkdir(name, dir_fd=fd)
    os.close(fd)


@BACKENDS
@pytest.mark.parametrize("length", [4093, 4094, 4095])
def test_path_of_an_entry_as_long_as_paths_are(
    backend: ModuleType, length: int, tmp_path: Path
) -> None:
    path = deep(tmp_path, length)
    assert scanned(backend, path) == {path: []}
    mkdir(path, b"e")
    if length + 2 <= 4095:
        assert [name for name, _ in scanned(backend, path)[path]] == [b"e"]
    else:
        with pytest.raises(OSError) as caught:
            scanned(backend, path)
        assert caught.value.errno == errno.ENAMETOOLONG
        assert caught.value.filename == path + b"/e"


@BACKENDS
def test_path_that_is_too_long(backend: ModuleType) -> None:
    path = b"/dev" + b"/" * 4092
    with pytest.raises(OSError) as caught:
        scanned(backend, path)
    assert caught.value.errno == errno.ENAMETOOLONG
    assert caught.value.filename == path


@BACKENDS
def test_nothing_stays_open_of_what_is_not_followed(backend: ModuleType, tmp_path: Path) -> None:
    for number in range(MANY):
        (tmp_path / str(number)).touch()
    before = os.listdir("/proc/self/fd")
    scan = backend.scan_directories([os.fsencode(tmp_path)])
    next(scan)
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    scan.close()
    assert os.listdir("/proc/self/fd") == before


def set_attribute(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError:
        refuse("no attributes here")


@BACKENDS
def test_attributes_are_seen(backend: ModuleType, top: Path) -> None:
    (top / "public").touch()
    set_attribute(top / "private", "user.x", b"")
    rows = dict(scanned(backend, top)[os.fsencode(top)])
    assert rows[b"private"][6:8] == (0, 1)
    assert rows[b"public"][6:8] == (1, 0)


def by_hand(path: bytes, seen: dict[tuple[int, int], Node]) -> Node:
    """Make the node of a path, one call after another."""
    status = os.lstat(path)
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return seen[key]
    kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    meta = Metadata(
        mode=mode,
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        xattrs=tuple(
            (os.fsencode(name), os.getxattr(path, name, follow_symlinks=False)) for name in names
        ),
    )
    node: Node
    match kind:
        case stat.S_IFDIR:
            children = {name: by_hand(path + b"/" + name, seen) for name in os.listdir(path)}
            return Directory(meta, children)
        case stat.S_IFREG:
            node = File(meta, status.st_size, HostFile(path))
        case stat.S_IFLNK:
            node = Symlink(meta, os.readlink(path))
        case stat.S_IFIFO:
            node = Fifo(meta)
        case stat.S_IFSOCK:
            node = Socket(meta)
        case _:
            node = Device(meta, kind, os.major(status.st_rdev), os.minor(status.st_rdev))
    seen[key] = node
    return node


def told(tree: Tree) -> list[tuple[object, ...]]:
    """Tell all there is of a tree; of several names the first stands for its node."""
    first: dict[Node, bytes] = {}
    lines: list[tuple[object, ...]] = []
    for path, node in tree.walk():
        facts: list[object] = [type(node), node.meta, first.setdefault(node, path)]
        match node:
            case File():
                assert isinstance(node.content, HostFile)
                assert os.path.exists(node.content.name)
                facts += [node.size, os.stat(node.content.name).st_ino]
            case Symlink():
                facts += [node.target]
            case Device():
                facts += [node.kind, node.major, node.minor]
        lines.append((path, *facts))
    return lines


def test_tree_is_as_made_by_hand(top: Path) -> None:
    set_attribute(top / "file", "user.b", b"2")
    set_attribute(top / "file", "user.a", b"1")
    set_attribute(top / "empty", "user.c", b"3")
    root = by_hand(os.fsencode(top), {})
    assert isinstance(root, Directory)
    tree = tree_from_directory(top)
    assert told(tree) == told(Tree(root))
    assert tree.root.children[b"file"].meta.xattrs == ((b"user.a", b"1"), (b"user.b", b"2"))


def test_devices() -> None:
    tree = tree_from_directory(Path("/dev"))
    null = tree.root.children[b"null"]
    assert isinstance(null, Device)
    assert (null.kind, null.major, null.minor) == (stat.S_IFCHR, 1, 3)


def test_tree_that_is_wide_and_deep(tmp_path: Path) -> None:
    """More directories than are looked at ahead, in either direction."""
    folder = tmp_path
    for level in range(20):
        for number in range(30):
            (folder / f"{number}").mkdir()
            (folder / f"{number}" / "file").write_bytes(b"%d" % (level * 30 + number))
        folder /= "0"
    root = by_hand(os.fsencode(tmp_path), {})
    assert isinstance(root, Directory)
    assert told(tree_from_directory(tmp_path)) == told(Tree(root))


def test_error_leaves_nothing_open_or_running(top: Path) -> None:
    """A directory that can't be looked at, among others that can; for root too."""
    for number in range(MANY):
        (top / "below" / str(number)).touch()
    (top / "gone").mkdir()
    mkdir(deep(top / "gone", 4095), b"e")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError) as caught:
        tree_from_directory(top)
    assert caught.value.errno == errno.ENAMETOOLONG
    assert os.fsdecode(caught.value.filename).startswith(str(top / "gone"))
    assert os.listdir("/proc/self/fd") == before
    assert not [thread for thread in threading.enumerate() if "scanner" in thread.name]


@pytest.mark.parametrize("name", ["file", "link", "gone"])
def test_only_a_directory_makes_a_tree(top: Path, name: str) -> None:
    with pytest.raises((NotADirectoryError, FileNotFoundError)) as caught:
        tree_from_directory(top / name)
    assert os.fsdecode(caught.value.filename) == str(top / name)
