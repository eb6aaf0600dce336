"""Contents of every kind reach the image; those that don't match their nodes are refused."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pyext4 import (
    ContentError,
    Directory,
    Ext4Writer,
    File,
    Metadata,
    Options,
    Tree,
    write_ext4,
)
from pyext4.content import FileRange, HostFile
from pyext4.host import tree_from_directory
from pyext4.reader import open_ext4
from pyext4.tree import Content, Node

SMALL = 1000  # read with many others in one call
MIDDLE = 100_000  # gathered
LARGE = 5 << 20  # read straight into the windows


def as_bytes(data: bytes, path: Path) -> Content:
    del path
    return data


def as_path(data: bytes, path: Path) -> Content:
    path.write_bytes(data)
    return path


def as_host_file(data: bytes, path: Path) -> Content:
    path.write_bytes(data)
    return HostFile(os.fsencode(path))


def as_range(data: bytes, path: Path) -> Content:
    path.write_bytes(b"before" + data)
    return FileRange(path, 6)


def as_callable(data: bytes, path: Path) -> Content:
    del path
    return lambda: io.BytesIO(data)


Maker = Callable[[bytes, Path], Content]
MAKERS: list[Maker] = [as_bytes, as_path, as_host_file, as_range, as_callable]
WHOLE: list[Maker] = [as_bytes, as_path, as_host_file, as_callable]  # a range has no end of its own
SIZES = [0, 1, SMALL, 4096, 4097, MIDDLE, LARGE + 3]


def tree_of(**files: tuple[int, Content]) -> Tree:
    meta = Metadata(mode=0o644)
    nodes = {name.encode(): File(meta, size, content) for name, (size, content) in files.items()}
    return Tree(Directory(Metadata(mode=0o755), {**nodes}))


@pytest.mark.parametrize("maker", MAKERS)
def test_content(maker: Maker, tmp_path: Path) -> None:
    data = {f"f{size}": os.urandom(size) for size in SIZES}
    tree = tree_of(**{n: (len(d), maker(d, tmp_path / f"host-{n}")) for n, d in data.items()})
    write_ext4(tree, tmp_path / "image")
    with open_ext4(tmp_path / "image") as image:
        assert {name: image.read(f"/{name}".encode()) for name in data} == data


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
@pytest.mark.parametrize(("extra", "reason"), [(1, "is longer"), (-1, "ends at")])
@pytest.mark.parametrize("maker", WHOLE)
def test_wrong_size(maker: Maker, extra: int, reason: str, size: int, tmp_path: Path) -> None:
    content = maker(bytes(size + extra), tmp_path / "host")
    good = tree_of(**{f"a{number}": (1, b"x") for number in range(3)}, wrong=(size, content))
    with pytest.raises(ContentError, match=reason) as caught:
        write_ext4(good, tmp_path / "image")
    assert caught.value.path == b"/wrong"
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_vanished_file(size: int, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_ext4(tree_of(gone=(size, tmp_path / "gone")), tmp_path / "image")
    assert os.fsdecode(caught.value.filename) == str(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


def test_more_small_files_than_one_call_reads(tmp_path: Path) -> None:
    for number in range(1100):
        (tmp_path / f"{number:04}").write_bytes(b"%d" % number)
    write_ext4(tree_from_directory(tmp_path), tmp_path / "image")
    with open_ext4(tmp_path / "image") as image:
        for number in (0, 511, 512, 1023, 1024, 1099):
            assert image.read(b"/%04d" % number) == b"%d" % number


def test_holes_of_a_host_file_stay_holes(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"island")
    written = write_ext4(tree_of(sparse=(64 << 20, sparse)), tmp_path / "image")
    used = (written.blocks_count - written.free_blocks_count) * written.block_size_bytes
    assert used < 32 << 20
    with open_ext4(tmp_path / "image") as image:
        content = image.read(b"/sparse")
    assert content == bytes(32 << 20) + b"island" + bytes((32 << 20) - 6)


def same_image(make: Callable[[Callable[[str, bytes], Content]], bytes], tmp_path: Path) -> None:
    """Hold what is made of host files against what is made of bytes."""

    def host(name: str, data: bytes) -> Content:
        return as_host_file(data, tmp_path / name)

    assert make(host) == make(lambda _, data: data)


def contents_of(sizes: list[int], kind: Callable[[str, bytes], Content]) -> dict[bytes, Node]:
    meta = Metadata(mode=0o644)
    nodes: dict[bytes, Node] = {}
    for number, size in enumerate(sizes):
        name = f"{number:05}"
        data = random.Random(number).randbytes(size)
        nodes[name.encode()] = File(meta, size, kind(name, data))
    return nodes


@pytest.mark.parametrize("features", [(), ("inline_data",)])
@pytest.mark.parametrize("block_size", [1024, 4096])
def test_host_files_lie_where_bytes_would(
    features: tuple[str, ...], block_size: int, tmp_path: Path
) -> None:
    """Small ones among large ones and empty ones, some that inodes could hold."""
    source = random.Random(1)
    sizes = source.choices([0, 1, 60, 128, 129, 1000, 1024, 1025, 4096, 4097, MIDDLE], k=1300)
    options = Options(block_size_bytes=block_size, features=features)

    def make(kind: Callable[[str, bytes], Content]) -> bytes:
        tree = Tree(Directory(Metadata(mode=0o755), contents_of(sizes, kind)))
        write_ext4(tree, tmp_path / "image", options)
        return (tmp_path / "image").read_bytes()

    same_image(make, tmp_path)


def test_small_host_files_step_round_the_copies(tmp_path: Path) -> None:
    """Groups of 8192 blocks: copies of the superblock stand in the second and the fourth."""
    sizes = [1000] * 9000

    def make(kind: Callable[[str, bytes], Content]) -> bytes:
        tree = Tree(Directory(Metadata(mode=0o755), contents_of(sizes, kind)))
        write_ext4(tree, tmp_path / "image", Options(block_size_bytes=1024))
        return (tmp_path / "image").read_bytes()

    same_image(make, tmp_path)


@pytest.mark.parametrize("features", [(), ("inline_data",)])
@pytest.mark.parametrize("sizes", [[1000] * 10, [1000, 10] * 5])
def test_small_host_files_fill_holes_first(
    sizes: list[int], features: tuple[str, ...], tmp_path: Path
) -> None:
    def make(kind: Callable[[str, bytes], Content]) -> bytes:
        with Ext4Writer(tmp_path / "image", Options(features=features)) as writer:
            stored = [writer.store.allocate(blocks * 4096) for blocks in (1, 1, 3, 1, 2)]
            for number in (0, 2, 4):
                writer.store.release(stored[number])
            tree = Tree(Directory(Metadata(mode=0o755), contents_of(sizes, kind)))
            for number in (1, 3):
                tree.root.children[b"stored%d" % number] = File(
                    Metadata(mode=0o644), 4096, stored[number]
                )
                writer.store.place(bytes([number]) * 4096, [(stored[number], 0, 0, 4096)])
            writer.commit(tree)
        return (tmp_path / "image").read_bytes()

    same_image(make, tmp_path)
