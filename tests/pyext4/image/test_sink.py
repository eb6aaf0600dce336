"""The sink leaves the file as if everything had been written piece by piece."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyext4.image.sink import Sink
from pyext4.native import compiled, pure
from pyext4.native.rows import SPAN, WINDOW

BLOCK = 4096


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "image", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def pack(*rows: tuple[int, int, int, int]) -> bytearray:
    return bytearray(b"".join(SPAN.pack(*row) for row in rows))


def content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def test_spans_and_their_zeros(file: int) -> None:
    sink = Sink(file, BLOCK)
    sink.place(b"abcdef", pack((0, 0, 2, BLOCK - 2), (BLOCK, 2, 4, BLOCK - 4)))
    sink.flush()
    sink.close()
    assert content(file) == b"ab".ljust(BLOCK, b"\0") + b"cdef".ljust(BLOCK, b"\0")


def test_a_file_that_goes_on_in_the_next_chunk_replaces_the_zeros(file: int) -> None:
    sink = Sink(file, BLOCK)
    sink.place(b"x" * 1000, pack((0, 0, 1000, BLOCK - 1000)))
    sink.place(b"y" * 1000, pack((1000, 0, 1000, BLOCK - 2000)))
    sink.flush()
    sink.close()
    assert content(file) == (b"x" * 1000 + b"y" * 1000).ljust(BLOCK, b"\0")


def test_a_later_span_at_the_same_place_wins(file: int) -> None:
    sink = Sink(file, BLOCK)
    sink.place(b"old", pack((0, 0, 3, BLOCK - 3)))
    sink.place(b"newer", pack((0, 0, 5, BLOCK - 5)))
    sink.flush()
    sink.close()
    assert content(file) == b"newer".ljust(BLOCK, b"\0")


@pytest.mark.parametrize("extra", [-BLOCK, -1, 0, 1, BLOCK])
def test_more_than_a_window(file: int, extra: int) -> None:
    data = os.urandom((4 << 20) + extra)
    sink = Sink(file, BLOCK)
    sink.place(data, pack((BLOCK, 0, len(data), -len(data) % BLOCK)))
    sink.flush()
    sink.close()
    assert content(file) == bytes(BLOCK) + data + bytes(-len(data) % BLOCK)


@pytest.mark.parametrize("size", [1, BLOCK, (4 << 20) - 1, 4 << 20, (9 << 20) + 5])
def test_copy(file: int, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)
    sink = Sink(file, BLOCK)
    with (tmp_path / "source").open("rb") as source:
        assert sink.copy(source.fileno(), 0, BLOCK, size) == size
    sink.flush()
    sink.close()
    assert content(file) == bytes(BLOCK) + data + bytes(-size % BLOCK)


def test_copy_tells_where_the_source_ended(file: int, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"short")
    sink = Sink(file, BLOCK)
    with (tmp_path / "source").open("rb") as source:
        assert sink.copy(source.fileno(), 0, 0, 100) == 5
    sink.close()


def test_an_error_of_the_thread_comes_up(tmp_path: Path) -> None:
    (tmp_path / "image").touch()
    fd = os.open(tmp_path / "image", os.O_RDONLY)  # nothing can be written here
    sink = Sink(fd, BLOCK)
    sink.place(b"x", pack((0, 0, 1, BLOCK - 1)))
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        sink.flush()
    assert caught.value.errno == errno.EBADF
    sink.close()
    os.close(fd)


def test_without_direct_writes(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_DIRECT")
    data = os.urandom(1 << 20)
    sink = Sink(file, BLOCK)
    sink.place(data, pack((0, 0, len(data), 0)))
    sink.flush()
    sink.close()
    assert content(file) == data


SPANS = st.lists(
    st.tuples(
        st.integers(0, 40), st.integers(0, 900), st.integers(0, 700), st.sampled_from([0, 1, 100])
    ),
    max_size=12,
)


@given(spans=SPANS, capacity=st.sampled_from([64, 256, 512]))
@example(spans=[(17, 0, 2, 0), (15, 0, 30, 100), (17, 0, 0, 0)], capacity=64)
@settings(max_examples=300, deadline=None)
def test_gather_is_the_same_on_both_backends_and_loses_nothing(
    spans: list[tuple[int, int, int, int]], capacity: int
) -> None:
    chunk = bytes(range(256)) * 8
    rows = pack(*((block * 64, at, length, zeros) for block, at, length, zeros in spans))
    images = [replay(module.gather, chunk, rows, capacity) for module in (pure, compiled)]
    expected = bytearray(64 * 64)
    for block, at, length, zeros in spans:
        start = block * 64
        expected[start : start + length + zeros] = chunk[at : at + length] + bytes(zeros)
    assert images == [expected, expected]


def replay(gather: object, chunk: bytes, rows: bytearray, capacity: int) -> bytearray:
    """Do what the sink does, into memory."""
    assert callable(gather)
    image = bytearray(64 * 64)
    window, state = bytearray(capacity), bytearray(WINDOW.size)
    more = True
    while more:
        more = gather(memoryview(window), 64, state, chunk, rows)
        offset, filled, _, span, done = WINDOW.unpack(state)
        image[offset : offset + filled] = window[:filled]
        WINDOW.pack_into(state, 0, 0, 0, 0, span, done)
    return image
