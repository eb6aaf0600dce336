"""Compare the hash area with one made the slow way, for every shape of data and tree."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import pytest

from pyext4 import OptionsError
from pyext4.verity import Verity, append_verity
from pyext4.verity.tree import levels
from tests.pyext4.verity.hash_areas import SALT, UUID_GIVEN, data_of, hash_area, sparse_file

MIB = 1 << 20


def append(path: Path, size: int, block_size: int = 4096, salt: bytes = SALT) -> Verity:
    return append_verity(path, size, salt=salt, uuid=UUID_GIVEN, block_size=block_size)


def check(path: Path, data: bytes, block_size: int = 4096, salt: bytes = SALT) -> None:
    """Append to a file that has `data`, and compare every byte."""
    verity = append(path, len(data), block_size, salt)
    root_hash, area = hash_area(data, salt, UUID_GIVEN, block_size)
    made = path.read_bytes()
    assert verity.root_hash == root_hash
    assert verity.size_bytes == len(made)
    assert verity.hash_offset == len(data) + -len(data) % 4096
    assert verity.data_blocks * block_size == verity.hash_offset
    assert made[: len(data)] == data
    assert made[len(data) : verity.hash_offset].strip(b"\0") == b""
    assert made[verity.hash_offset :] == area


@pytest.mark.parametrize("blocks", [1, 2, 127, 128, 129, 255, 256, 257, 128 * 128, 128 * 128 + 1])
def test_blocks(blocks: int, tmp_path: Path) -> None:
    data = data_of(blocks * 4096)
    (tmp_path / "image").write_bytes(data)
    check(tmp_path / "image", data)


@pytest.mark.parametrize("block_size", [512, 1024, 2048, 4096])
@pytest.mark.parametrize("size", [4096, 5 * 4096, 128 * 4096, 3 * MIB + 4096])
def test_block_size(block_size: int, size: int, tmp_path: Path) -> None:
    data = data_of(size)
    (tmp_path / "image").write_bytes(data)
    check(tmp_path / "image", data, block_size)


@pytest.mark.parametrize("size", [1, 511, 4095, 4097, 5 * 1024, MIB - 1, MIB + 1, 2 * MIB + 1024])
@pytest.mark.parametrize("block_size", [1024, 4096])
def test_size_that_is_no_multiple(size: int, block_size: int, tmp_path: Path) -> None:
    data = data_of(size)
    (tmp_path / "image").write_bytes(data)
    check(tmp_path / "image", data, block_size)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 64, 255, 256])
def test_salt(length: int, tmp_path: Path) -> None:
    data = data_of(130 * 4096)
    (tmp_path / "image").write_bytes(data)
    check(tmp_path / "image", data, salt=data_of(length))


HOLES: dict[str, tuple[int, dict[int, bytes]]] = {
    "nothing_but_a_hole": (3 * MIB, {}),
    "one_block_hole": (4096, {}),
    "hole_first": (3 * MIB, {2 * MIB: data_of(MIB)}),
    "hole_last": (3 * MIB, {0: data_of(4096)}),
    "hole_in_between": (5 * MIB, {0: data_of(5000), 4 * MIB + 77: data_of(5000)}),
    "holes_of_a_block": (64 * 4096, {at * 8192: data_of(4096) for at in range(32)}),
    "data_that_ends_within_a_block": (2 * MIB + 3, {MIB: data_of(100), 2 * MIB: b"end"}),
}


@pytest.mark.parametrize("case", HOLES)
@pytest.mark.parametrize("block_size", [1024, 4096])
def test_holes_count_as_zeros(case: str, block_size: int, tmp_path: Path) -> None:
    size, pieces = HOLES[case]
    sparse_file(tmp_path / "image", size, pieces)
    data = (tmp_path / "image").read_bytes()
    check(tmp_path / "image", data, block_size)


def test_holes_stay_and_are_not_read(tmp_path: Path) -> None:
    image = tmp_path / "image"
    sparse_file(image, 64 << 30, {0: data_of(4096)})  # its zeros alone would take a minute
    verity = append(image, 64 << 30)
    tree_bytes = verity.size_bytes - verity.hash_offset
    assert image.stat().st_blocks * 512 < tree_bytes + MIB


def test_filesystem_without_holes_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lseek(fd: int, position: int, whence: int) -> int:  # lseek(2): the simplest support
        return position if whence == os.SEEK_DATA else os.fstat(fd).st_size

    size, pieces = HOLES["hole_in_between"]
    sparse_file(tmp_path / "image", size, pieces)
    data = (tmp_path / "image").read_bytes()
    monkeypatch.setattr(os, "lseek", lseek)
    check(tmp_path / "image", data)


def test_descriptor_stays_open(tmp_path: Path) -> None:
    data = data_of(10_000)
    (tmp_path / "image").write_bytes(data)
    fd = os.open(tmp_path / "image", os.O_RDWR)
    verity = append_verity(fd, len(data), salt=SALT, uuid=UUID_GIVEN)
    assert os.fstat(fd).st_size == verity.size_bytes
    os.close(fd)


def test_second_time_gives_the_same_bytes(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(data_of(5 * MIB))
    first = append(image, 5 * MIB)
    before = image.read_bytes()
    assert append(image, 5 * MIB) == first
    assert image.read_bytes() == before


def test_what_stood_behind_the_data_is_gone(tmp_path: Path) -> None:
    data = data_of(5000)
    (tmp_path / "image").write_bytes(data + b"x" * 9 * MIB)
    check(tmp_path / "image", data)


WRONG: dict[str, tuple[int, int, int, str]] = {
    "salt_257": (4096, 4096, 257, "verity salt: must be up to 256 bytes, not: 257"),
    "no_data": (0, 4096, 32, "verity data: must be 1 byte or more, not: 0"),
    "less_than_no_data": (-4096, 4096, 32, "verity data: must be 1 byte or more, not: -4096"),
    "block_8192": (4096, 8192, 32, "verity block size: must be 512 to 4096, not: 8192"),
    "block_0": (4096, 0, 32, "verity block size: must be 512 to 4096, not: 0"),
    "block_3000": (4096, 3000, 32, "verity block size: must be 512 to 4096, not: 3000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused_and_the_file_stays(case: str, tmp_path: Path) -> None:
    size, block_size, salt, message = WRONG[case]
    (tmp_path / "image").write_bytes(b"as it was")
    with pytest.raises(OptionsError) as caught:
        append(tmp_path / "image", size, block_size, bytes(salt))
    assert str(caught.value) == message
    assert (tmp_path / "image").read_bytes() == b"as it was"


def test_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        append(tmp_path / "image", 4096)
    assert list(tmp_path.iterdir()) == []


def test_uuid_is_in_the_superblock(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(bytes(4096))
    uuid = UUID(int=7)
    append_verity(tmp_path / "image", 4096, salt=b"", uuid=uuid)
    assert (tmp_path / "image").read_bytes()[4096 + 16 : 4096 + 32] == uuid.bytes


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (1, []),
        (2, [1]),
        (128, [1]),
        (129, [2, 1]),
        (128**2, [128, 1]),
        (128**2 + 1, [129, 2, 1]),
        (128**3 + 1, [128**2 + 1, 129, 2, 1]),
    ],
)
def test_levels(blocks: int, expected: list[int]) -> None:
    assert levels(blocks) == expected
