"""What an image holds, and that QEMU finds it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest

from pyext4 import Overlay, write_qcow2
from tests.oracle_tools import need
from tests.pyext4.qcow2.qemu import agrees, qemu_img, said_by

BLOCK = 4096
MIB = 1 << 20


def write(directory: Path, image: bytes, base: bytes) -> Overlay:
    (directory / "image").write_bytes(image)
    (directory / "base").write_bytes(base)
    return write_qcow2(directory / "image", directory / "base", directory / "out.qcow2")


def judge(directory: Path) -> None:
    need("qemu-img")
    agrees(directory / "out.qcow2", directory / "image", directory / "converted")


@pytest.mark.oracle
def test_equal_images(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(3 * MIB)
    made = write(tmp_path, data, data)
    assert (made.changed_bytes, made.zeroed_bytes) == (0, 0)
    written = (tmp_path / "out.qcow2").read_bytes()
    assert made.file_bytes == len(written) == 4 * BLOCK
    # header, L1 table, refcount table and this block: nothing behind the end is counted
    assert written[-BLOCK:] == (b"\0\1" * 4).ljust(BLOCK, b"\0")
    judge(tmp_path)


@pytest.mark.oracle
def test_one_byte_in_each_corner(tmp_path: Path) -> None:
    base = random.Random(2).randbytes(5 * MIB)
    image = bytearray(base)
    places = [0, BLOCK - 1, BLOCK, MIB - 1, MIB, 2 * MIB - 1, 2 * MIB, 5 * MIB - 1]
    for place in places:
        image[place] ^= 1
    made = write(tmp_path, bytes(image), base)
    assert made.changed_bytes == len({place // BLOCK for place in places}) * BLOCK
    judge(tmp_path)


@pytest.mark.oracle
def test_zeros_over_data_take_no_room(tmp_path: Path) -> None:
    base = random.Random(3).randbytes(4 * MIB)
    image = base[:MIB] + bytes(2 * MIB) + base[3 * MIB :]
    made = write(tmp_path, image, base)
    assert (made.changed_bytes, made.zeroed_bytes) == (0, 2 * MIB)
    assert made.file_bytes == 6 * BLOCK  # header, L1, refcount table, two L2 tables, refcounts
    judge(tmp_path)
    zero = [piece for piece in said_by("map", tmp_path / "out.qcow2") if piece["zero"]]
    assert [(piece["start"], piece["length"]) for piece in zero] == [(MIB, 2 * MIB)]


@pytest.mark.oracle
@pytest.mark.parametrize("more", [512, 4096, MIB, 3 * MIB + 1024])
@pytest.mark.parametrize("longer", ["image", "base"])
def test_sizes_differ(tmp_path: Path, longer: str, more: int) -> None:
    data = random.Random(4).randbytes(2 * MIB + 1536)
    image, base = (data, data[:-more]) if more < len(data) else (data + bytes(more), data)
    if longer == "base":
        image, base = base, image
    made = write(tmp_path, image, base)
    assert made.size_bytes == len(image)
    if longer == "base":  # what it has behind the image's end doesn't count, in the last block too
        assert (made.changed_bytes, made.zeroed_bytes) == (0, 0)
    judge(tmp_path)


@pytest.mark.oracle
def test_beyond_the_base_zeros_take_no_room(tmp_path: Path) -> None:
    data = random.Random(5).randbytes(MIB)
    made = write(tmp_path, data + bytes(3 * MIB), data)
    assert (made.changed_bytes, made.zeroed_bytes) == (0, 0)
    judge(tmp_path)


@pytest.mark.oracle
@pytest.mark.parametrize("size", [1, 511, 513, 4097, MIB + 1])
def test_a_disk_has_whole_sectors(tmp_path: Path, size: int) -> None:
    """What the base has behind the image's end in the last sector is not seen."""
    made = write(tmp_path, b"x" * size, b"x" * 2 * MIB)
    assert made.size_bytes == size + -size % 512
    judge(tmp_path)


@pytest.mark.oracle
def test_an_empty_image(tmp_path: Path) -> None:
    made = write(tmp_path, b"", b"x" * 5000)
    assert made.size_bytes == 0
    judge(tmp_path)


@pytest.mark.oracle
def test_everything_differs(tmp_path: Path) -> None:
    """More than one refcount block: it counts 2,048 clusters of 4 KiB."""
    image = random.Random(6).randbytes(17 * MIB)
    made = write(tmp_path, image, bytes(17 * MIB))
    assert made.changed_bytes == 17 * MIB
    assert made.file_bytes < 1.005 * made.changed_bytes
    judge(tmp_path)


@pytest.mark.oracle
def test_what_it_says_of_itself(tmp_path: Path) -> None:
    need("qemu-img")
    write(tmp_path, b"image".ljust(8192), b"base".ljust(8192))
    told = said_by("info", tmp_path / "out.qcow2")
    assert told["backing-filename"] == "base"
    assert told["backing-filename-format"] == "raw"
    assert told["virtual-size"] == 8192
    assert told["cluster-size"] == BLOCK
    assert told["dirty-flag"] is False
    assert told["format-specific"]["data"]["compat"] == "1.1"


@pytest.mark.oracle
def test_a_base_that_looks_like_qcow2_is_still_raw(tmp_path: Path) -> None:
    write(tmp_path, b"image".ljust(8192), b"QFI\xfb\0\0\0\3".ljust(16384, b"b"))
    judge(tmp_path)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["nbd:localhost", "json:{}", "a b,c=d", "b\nc", "ü", "%41"])
def test_qemu_finds_a_base_with_a_strange_name(tmp_path: Path, name: str) -> None:
    need("qemu-img")
    directory = tmp_path / "room"
    directory.mkdir()
    write(directory, b"image".ljust(8192), b"base".ljust(16384))
    (directory / "base").rename(directory / name)
    write_qcow2(directory / "image", directory / name, directory / "out.qcow2")
    moved = directory.rename(tmp_path / "moved")  # base and image together
    judge(moved)


@pytest.mark.oracle
def test_qemu_finds_a_base_elsewhere(tmp_path: Path) -> None:
    need("qemu-img")
    bases, machine = tmp_path / "bases", tmp_path / "machine"
    bases.mkdir()
    machine.mkdir()
    (bases / "base").write_bytes(b"base".ljust(16384))
    (machine / "image").write_bytes(b"image".ljust(8192))
    write_qcow2(machine / "image", bases / "base", machine / "out.qcow2")
    judge(machine.rename(tmp_path / "moved"))


@pytest.mark.oracle
def test_it_can_be_written_to(tmp_path: Path) -> None:
    """QEMU fills it to its last cluster and stays sound."""
    need("qemu-img", "qemu-io")
    image = random.Random(7).randbytes(9 * MIB)
    made = write(tmp_path, image, image[: 5 * MIB] + bytes(MIB))
    path = str(made.path)
    subprocess.run(["qemu-io", "-c", "write -P 7 0 9M", path], check=True, capture_output=True)
    (tmp_path / "image").write_bytes(b"\7" * 9 * MIB)
    qemu_img("check", path)
    qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "image", path)


@pytest.mark.oracle
def test_4_tib_of_holes_are_quick(tmp_path: Path) -> None:
    need("qemu-img")
    for name, place in (("image", 3 << 40), ("base", 1 << 40)):
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(4 << 40)
            stream.seek(place)
            stream.write(b"data")
    began = time.process_time()
    made = write_qcow2(tmp_path / "image", tmp_path / "base", tmp_path / "out.qcow2")
    assert time.process_time() - began < 2
    assert (made.changed_bytes, made.zeroed_bytes) == (128 << 10, 128 << 10)
    assert made.file_bytes < 2 * MIB
    qemu_img("check", made.path)
    assert qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "image", made.path)


def test_memory_is_bounded(tmp_path: Path) -> None:
    for name, byte in (("image", b"i"), ("base", b"b")):
        with (tmp_path / name).open("wb") as stream:
            for _ in range(48):
                stream.write(byte * MIB)
    tracemalloc.start()
    try:
        made = write_qcow2(tmp_path / "image", tmp_path / "base", tmp_path / "out.qcow2")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.changed_bytes == 48 * MIB
    assert peak < 4 * MIB


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
        write(directory, b"image" * 100_000, b"base" * 100_000)
    assert (first / "out.qcow2").read_bytes() == (second / "out.qcow2").read_bytes()


def test_holes_and_zeros_are_the_same(tmp_path: Path) -> None:
    data = random.Random(8).randbytes(MIB)
    write(tmp_path, data + bytes(4 * MIB) + data, bytes(MIB) + data + bytes(4 * MIB))
    dense = (tmp_path / "out.qcow2").read_bytes()
    for name in ("image", "base"):
        sparse = bytearray((tmp_path / name).read_bytes())
        shutil.move(tmp_path / name, tmp_path / "dense")
        with (tmp_path / name).open("wb") as stream:
            for start in range(0, len(sparse), MIB):
                if any(sparse[start : start + MIB]):
                    os.pwrite(stream.fileno(), sparse[start : start + MIB], start)
            stream.truncate(len(sparse))
        assert (tmp_path / name).stat().st_blocks < (tmp_path / "dense").stat().st_blocks
    write_qcow2(tmp_path / "image", tmp_path / "base", tmp_path / "out.qcow2")
    assert (tmp_path / "out.qcow2").read_bytes() == dense
