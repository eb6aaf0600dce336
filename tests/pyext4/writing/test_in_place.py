"""Filesystems in a part of something: nothing around them changes, and they are as in a file."""

from __future__ import annotations

import io
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from pyext4 import (
    CancelledError,
    DoesNotFitError,
    Ext4Writer,
    File,
    Options,
    OptionsError,
    Tree,
    VerityOptions,
    open_ext4,
    write_ext4,
)

MIB = 1 << 20
SIZE = 8 * MIB
FITS = Options(size_bytes=SIZE)
NOISE = random.Random(13).randbytes(12 * MIB)


def tree() -> Tree:
    """Files of all ways into the image: small, large, sparse and from memory."""
    made = Tree()
    made.add("/etc/hostname", File.of(b"vm\n"))
    made.add("/large", File.of(b"large" * 300_000))
    return made


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(NOISE)
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("expected") / "image"
    write_ext4(tree(), path, FITS)
    return path.read_bytes()


@pytest.mark.parametrize("offset", [512, 63 * 512, 4096, MIB, MIB + 512])
def test_range_is_the_image_and_the_rest_is_as_before(
    disk: Path, expected: bytes, offset: int
) -> None:
    with disk.open("r+b") as file:
        written = write_ext4(tree(), file, FITS, offset=offset)
    found = disk.read_bytes()
    assert found[offset : offset + SIZE] == expected
    assert found[:offset] + found[offset + SIZE :] == NOISE[:offset] + NOISE[offset + SIZE :]
    assert (written.offset_bytes, written.size_bytes) == (offset, SIZE)
    assert written.path == disk


def test_large_files_go_directly_and_to_the_right_place(tmp_path: Path, disk: Path) -> None:
    """Windows of megabytes, and a host file, at an offset that is no whole page."""
    options = Options(size_bytes=SIZE, features=("^has_journal",))
    source = tmp_path / "source"
    source.write_bytes(NOISE[: 5 * MIB])
    with source.open("r+b") as file:  # with a hole
        file.seek(6 * MIB)
        file.write(b"end")
    holding = Tree()
    holding.add("/file", File.of(source))
    write_ext4(holding, disk, options, offset=3 * 512)
    write_ext4(holding, tmp_path / "plain", options)
    assert disk.read_bytes()[3 * 512 :][:SIZE] == (tmp_path / "plain").read_bytes()


def test_size_that_is_no_whole_block(disk: Path) -> None:
    size = SIZE + 1000
    write_ext4(tree(), disk, Options(size_bytes=size), offset=MIB)
    found = disk.read_bytes()
    assert found[MIB + SIZE : MIB + size] == bytes(1000)
    assert found[MIB + size :] == NOISE[MIB + size :]


def ways(disk: Path) -> dict[str, Callable[[], Any]]:
    return {
        "path": lambda: disk,
        "str": lambda: str(disk),
        "file": lambda: disk.open("r+b"),
        "raw": lambda: disk.open("r+b", buffering=0),
        "descriptor": lambda: os.open(disk, os.O_RDWR),
    }


@pytest.mark.parametrize("way", ["path", "str", "file", "raw", "descriptor"])
def test_ways_to_name_a_target(disk: Path, expected: bytes, way: str) -> None:
    target = ways(disk)[way]()
    write_ext4(tree(), target, FITS, offset=MIB)
    if isinstance(target, int):
        os.close(target)  # which fails if it was closed already
    elif isinstance(target, io.IOBase):
        assert not target.closed
        target.close()
    assert disk.read_bytes()[MIB : MIB + SIZE] == expected


def test_open_file_keeps_its_position_and_its_buffer(disk: Path, expected: bytes) -> None:
    with disk.open("r+b") as file:
        file.write(b"boot")
        assert file.read(4) == NOISE[4:8]
        write_ext4(tree(), file, FITS, offset=512)
        assert file.tell() == 8
        file.seek(512)
        assert file.read(SIZE) == expected
    assert disk.read_bytes()[:4] == b"boot"


def test_writer_streams_into_a_range(disk: Path, expected: bytes) -> None:
    del expected
    with disk.open("r+b") as file, Ext4Writer(file, FITS, offset=MIB) as writer:
        place = writer.store.allocate(5)
        gone = writer.store.allocate(3 * MIB)
        writer.store.place(
            b"x" * 3 * MIB + b"hello", [(place, 0, 3 * MIB, 5), (gone, 0, 0, 3 * MIB)]
        )
        writer.store.release(gone)
        with place.open(5) as stream:
            assert stream.read() == b"hello"
        holding = Tree()
        holding.add("/hello", File(File.of(b"").meta, 5, place))
        writer.commit(holding)
    found = disk.read_bytes()
    assert b"x" * 512 not in found
    assert found[:MIB] + found[MIB + SIZE :] == NOISE[:MIB] + NOISE[MIB + SIZE :]
    (disk.parent / "cut").write_bytes(found[MIB : MIB + SIZE])
    with open_ext4(disk.parent / "cut") as image:
        assert image.read("/hello") == b"hello"
        assert image.verify() == []


def files(folder: Path) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile(dir=folder) as file:
        yield file
    with (folder / "new").open("w+b") as file:
        yield file
    with os.fdopen(os.memfd_create("image"), "r+b") as file:
        yield file


def test_empty_files_grow_as_needed(tmp_path: Path) -> None:
    write_ext4(tree(), tmp_path / "expected", Options(free_bytes=0))
    for file in files(tmp_path):
        written = write_ext4(tree(), file, Options(free_bytes=0))
        file.seek(0)
        assert file.read() == (tmp_path / "expected").read_bytes()
        assert written.size_bytes == os.fstat(file.fileno()).st_size


def test_grows_behind_the_end(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"boot")
    write_ext4(tree(), disk, Options(free_bytes=0), offset=MIB)
    write_ext4(tree(), tmp_path / "expected", Options(free_bytes=0))
    assert disk.read_bytes() == b"boot".ljust(MIB, b"\0") + (tmp_path / "expected").read_bytes()


@pytest.mark.parametrize("before", [b"", b"boot", NOISE[:MIB]])
def test_file_that_grew_in_vain_is_as_before(tmp_path: Path, before: bytes) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(before)
    sizes = []

    def cancelled() -> bool:
        sizes.append(disk.stat().st_size)
        return len(sizes) > 5  # before the sync

    with pytest.raises(CancelledError):
        write_ext4(tree(), disk, offset=MIB, cancelled=cancelled)
    assert max(sizes) > MIB
    assert disk.read_bytes() == before


def test_range_over_the_end_grows(tmp_path: Path, expected: bytes) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(NOISE[: 2 * MIB])
    write_ext4(tree(), disk, FITS, offset=MIB)
    assert disk.read_bytes() == NOISE[:MIB] + expected


def test_file_is_filled_from_its_beginning(tmp_path: Path, expected: bytes) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(NOISE[:SIZE])
    written = write_ext4(tree(), disk, offset=0)
    assert written.size_bytes == SIZE
    assert disk.read_bytes() == expected


def test_path_without_offset_is_a_new_file(disk: Path) -> None:
    before = disk.stat().st_ino
    write_ext4(tree(), disk, FITS)
    assert disk.stat().st_ino != before
    assert disk.stat().st_size == SIZE


@pytest.mark.parametrize("options", [Options(smallest=True), Options(free_bytes=0), Options()])
def test_size_is_needed_where_something_is_behind(disk: Path, options: Options) -> None:
    reason = f"^size: must be given, .* in the {12 * MIB - 512} bytes behind offset 512$"
    with pytest.raises(OptionsError, match=reason):
        write_ext4(tree(), disk, options, offset=512)
    assert disk.read_bytes() == NOISE


def test_content_that_does_not_fit_stays_in_the_range(disk: Path) -> None:
    holding = tree()
    holding.add("/too-large", File.of(b"!" * SIZE))
    with pytest.raises(DoesNotFitError):
        write_ext4(holding, disk, FITS, offset=MIB)
    found = disk.read_bytes()
    assert found[:MIB] + found[MIB + SIZE :] == NOISE[:MIB] + NOISE[MIB + SIZE :]


@pytest.mark.parametrize("offset", [-512, 1, 511, 513, 1 << 62])
def test_offsets_where_no_partition_begins(disk: Path, offset: int) -> None:
    with pytest.raises(OptionsError, match=f"^offset: must be a multiple of 512, .*: {offset}$"):
        write_ext4(tree(), disk, FITS, offset=offset)
    assert disk.read_bytes() == NOISE


@pytest.mark.parametrize("offset", ["512", 512.0, b"512"])
def test_offsets_of_wrong_types(disk: Path, offset: Any) -> None:  # noqa: ANN401  wrong types are the point
    with pytest.raises(TypeError, match=r"^offset: must be int or None, not "):
        write_ext4(tree(), disk, FITS, offset=offset)


def closed(disk: Path) -> IO[bytes]:
    with disk.open("r+b") as file:
        return file


BAD: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "read_only": (
        lambda disk: disk.open("rb"),
        OptionsError,
        "target: must be open for reading and writing, not for appending",
    ),
    "write_only": (
        lambda disk: os.open(disk, os.O_WRONLY),
        OptionsError,
        "target: must be open for reading and writing",
    ),
    "appending": (
        lambda disk: disk.open("a+b"),
        OptionsError,
        "target: must be open for reading and writing, not for appending",
    ),
    "text": (lambda disk: disk.open("r+"), TypeError, "target: must be open in binary mode"),
    "closed": (closed, OptionsError, "target: has no descriptor"),
    "in_memory": (lambda _: io.BytesIO(), OptionsError, "target: has no descriptor"),
    "directory": (lambda disk: disk.parent, IsADirectoryError, ""),
    "device": (
        lambda _: Path("/dev/null"),
        OptionsError,
        "target: must be a regular file or a block device",
    ),
    "missing": (lambda disk: disk.parent / "missing", FileNotFoundError, ""),
    "bad_descriptor": (lambda _: 999_999, OSError, ""),
    "none": (lambda _: None, TypeError, ""),
    "float": (lambda _: 1.5, TypeError, ""),
}


@pytest.mark.parametrize("case", BAD)
def test_targets_that_can_not_be(disk: Path, case: str) -> None:
    make, error, message = BAD[case]
    target = make(disk)
    try:
        with pytest.raises(error, match=f"^{message}"):
            write_ext4(tree(), target, FITS, offset=0)
    finally:
        if isinstance(target, io.IOBase):
            target.close()
        elif isinstance(target, int) and target < 1000:
            os.close(target)
    assert disk.read_bytes() == NOISE


def test_hashes_need_a_file_of_their_own(disk: Path) -> None:
    options = Options(size_bytes=SIZE, profile="readonly", verity=VerityOptions())
    with pytest.raises(OptionsError, match=r"^verity: "):
        write_ext4(tree(), disk, options, offset=MIB)
    assert disk.read_bytes() == NOISE


def test_nothing_stays_open(disk: Path) -> None:
    before = os.listdir("/proc/self/fd")
    write_ext4(tree(), disk, FITS, offset=MIB)
    with pytest.raises(OptionsError):
        write_ext4(tree(), disk, offset=MIB)
    with pytest.raises(OptionsError):
        write_ext4(tree(), "/dev/null", FITS, offset=MIB)
    assert os.listdir("/proc/self/fd") == before
