"""Holes in a filesystem whose blocks are smaller than the hashed ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyext4.verity import append_verity
from pyext4.verity.segments import Segment, segments
from tests.pyext4.verity.hash_areas import SALT, UUID_GIVEN, data_of, hash_area

BLOCK = 4096
SIZE = 16 * BLOCK

DATA = {
    "within_a_block": (BLOCK + 512, BLOCK + 1024),
    "over_an_edge": (3 * BLOCK - 512, 3 * BLOCK + 512),
    "up_to_the_end": (SIZE - 512, SIZE),
}


@pytest.fixture(params=DATA)
def data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Let the filesystem say that only one range, not of whole blocks, is data."""
    begin, end = DATA[request.param]

    def lseek(fd: int, position: int, whence: int) -> int:  # as lseek(2) says
        if position >= SIZE:  # the hash area
            return position if whence == os.SEEK_DATA else os.fstat(fd).st_size
        if whence == os.SEEK_HOLE:
            return end if begin <= position < end else position
        if position >= end:
            return SIZE
        return max(position, begin)

    monkeypatch.setattr(os, "lseek", lseek)
    return begin, end


def test_a_block_that_is_partly_a_hole_is_read(data: tuple[int, int], tmp_path: Path) -> None:
    begin, end = data
    content = bytes(begin) + data_of(end - begin) + bytes(SIZE - end)
    (tmp_path / "image").write_bytes(content)
    append_verity(tmp_path / "image", SIZE, salt=SALT, uuid=UUID_GIVEN)
    area = hash_area(content, SALT, UUID_GIVEN, BLOCK)[1]
    assert (tmp_path / "image").read_bytes() == content + area


@pytest.mark.usefixtures("data")
def test_parts_are_whole_and_in_order() -> None:
    found = list(segments(-1, 0, SIZE, block_size=BLOCK, most=2 * BLOCK))
    assert all(part.length % BLOCK == 0 and 0 < part.length <= 2 * BLOCK for part in found)
    assert [part.offset for part in found] == [
        sum(part.length for part in found[:number]) for number in range(len(found))
    ]
    assert sum(part.length for part in found) == SIZE


def test_range_in_the_middle(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(SIZE))
    with (tmp_path / "file").open("rb") as file:
        found = list(segments(file.fileno(), BLOCK, 3 * BLOCK, block_size=BLOCK, most=SIZE))
    assert found == [Segment(BLOCK, 3 * BLOCK, is_hole=False)]
