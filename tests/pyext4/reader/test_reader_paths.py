"""The reader's interface, on an image from the writer: no other program is needed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyext4 import (
    DamagedError,
    Device,
    Directory,
    Ext4Error,
    Ext4Reader,
    File,
    Metadata,
    PathError,
    Symlink,
    Tree,
    UnsupportedError,
    open_ext4,
    write_ext4,
)

META = Metadata(mode=0o644)
CONTENT = bytes(range(256)) * 100


def link(target: bytes) -> Symlink:
    return Symlink(Metadata(mode=0o777), target)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = File(Metadata(mode=0o4755, uid=7, xattrs=((b"user.a", b"1"),)), len(CONTENT), CONTENT)
    etc = Directory(Metadata(mode=0o755), {b"config": shared, b"up": link(b"../../../etc/config")})
    usr = Directory(Metadata(mode=0o755), {b"etc": link(b"/etc"), b"same": shared})
    root = Directory(
        Metadata(mode=0o755),
        {
            b"etc": etc,
            b"usr": usr,
            b"absolute": link(b"/usr/etc/config"),
            b"loop": link(b"loop"),
            b"dangling": link(b"/no/where"),
            b"tty": Device(META, stat.S_IFCHR, 4, 300),
            b"empty": File(META),
        },
    )
    previous = b"config"
    for number in range(42):
        etc.children[b"chain%d" % number] = link(previous)
        previous = b"chain%d" % number
    path = tmp_path_factory.mktemp("image") / "made.ext4"
    write_ext4(Tree(root), path)
    return path


@pytest.fixture
def reader(image: Path) -> Iterator[Ext4Reader]:
    with open_ext4(image) as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    [
        "/etc/config",
        "etc/config",
        "//etc/./config",
        "/etc/../etc/config",
        "/../../etc/config",
        "/usr/etc/config",
        "/usr/etc/../etc/config",
        "/usr/same",
        "/absolute",
        "/etc/up",
        "/etc/chain39",
        b"/etc/config",
    ],
)
def test_path_leads_to_the_file(path: str | bytes, reader: Ext4Reader) -> None:
    assert reader.read(path) == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/no", "no such file or directory"),
        ("/no/more", "no such file or directory"),
        ("/etc/config/more", "not a directory on the way"),
        ("/loop", "too many levels of symbolic links"),
        ("/loop/more", "too many levels of symbolic links"),
        ("/etc/chain40", "too many levels of symbolic links"),
        ("/dangling", "no such file or directory"),
        ("/etc", "not a regular file"),
        ("/tty", "not a regular file"),
    ],
)
def test_path_leads_nowhere(path: str, reason: str, reader: Ext4Reader) -> None:
    with pytest.raises(PathError, match=f"^{path}: {reason}$") as caught:
        reader.read(path)
    assert (caught.value.path, caught.value.reason) == (path.encode(), reason)


def test_last_symlink_is_followed_only_where_its_target_is_meant(reader: Ext4Reader) -> None:
    assert stat.S_ISLNK(reader.stat("/absolute").mode)
    assert stat.S_ISLNK(reader.lookup("/absolute").mode)
    assert stat.S_ISREG(reader.lookup("/absolute", follow=True).mode)
    assert reader.readlink("/absolute") == b"/usr/etc/config"
    with pytest.raises(PathError, match="not a symbolic link"):
        reader.readlink("/etc/config")


def test_listdir(reader: Ext4Reader) -> None:
    names = {entry.name for entry in reader.listdir("/usr")}
    assert names == {b"etc", b"same"}
    assert {entry.name for entry in reader.listdir("/usr/etc")} > {b"config", b"up"}
    with pytest.raises(PathError, match=r"^/etc/config: not a directory$"):
        reader.listdir("/etc/config")


def test_stat(reader: Ext4Reader) -> None:
    node = reader.stat("/etc/config")
    assert (node.mode, node.links, node.uid, node.size) == (0o104755, 2, 7, len(CONTENT))
    assert reader.stat("/usr/same").ino == node.ino
    assert reader.stat("/tty").device == (4, 300)
    assert reader.xattrs(node) == ((b"user.a", b"1"),)


def test_walk_is_sorted_and_complete(reader: Ext4Reader) -> None:
    paths = [path for path, _ in reader.walk()]
    assert paths[:2] == [b"/", b"/absolute"]
    assert paths.index(b"/etc/up") < paths.index(b"/lost+found") < paths.index(b"/usr/same")
    assert len(set(paths)) == len(paths) == 1 + 8 + 44 + 2


def test_tree_has_one_node_for_each_inode(reader: Ext4Reader) -> None:
    nodes = dict(reader.to_tree().walk())
    assert nodes[b"/etc/config"] is nodes[b"/usr/same"]
    file = nodes[b"/etc/config"]
    assert isinstance(file, File)
    assert not isinstance(file.content, bytes | Path)


def test_stream_seeks_and_reads_in_pieces(reader: Ext4Reader) -> None:
    with reader.open("/etc/config") as stream:
        stream.seek(4090)
        assert stream.read(12) == CONTENT[4090:4102]
        assert stream.tell() == 4102
        stream.seek(-3, os.SEEK_END)
        assert stream.read() == CONTENT[-3:]
        assert stream.read() == b""
        stream.seek(1 << 40)
        assert stream.read(1) == b""


def test_image_is_closed(image: Path) -> None:
    with open_ext4(image) as reader:
        stream = reader.open("/etc/config")
    with pytest.raises(ValueError, match="closed image"):
        stream.read()
    with pytest.raises(ValueError, match="closed image"):
        reader.read("/etc/config")
    reader.close()


def test_image_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_ext4(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        open_ext4(tmp_path)


def test_image_is_sound(reader: Ext4Reader) -> None:
    assert reader.verify() == []


def test_errors_belong_to_the_tree() -> None:
    assert {DamagedError, UnsupportedError, PathError} <= set(Ext4Error.__subclasses__())
