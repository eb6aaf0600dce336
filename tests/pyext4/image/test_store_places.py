"""The content store: every byte in its place, no released bytes, limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyext4 import Ext4Writer, File, Metadata, Options, Tree
from pyext4.image.store import ImageStore, Stored
from pyext4.space.allocator import Allocator
from pyext4.space.geometry import Fixed

FIXED = Fixed(block_size=1024, desc_size=64, gdt_area_blocks=3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ImageStore]:
    fd = os.open(tmp_path / "store", os.O_RDWR | os.O_CREAT)
    made = ImageStore(fd, Allocator(FIXED), 1024)
    yield made
    made.close()
    os.close(fd)


def put(store: ImageStore, data: bytes) -> Stored:
    content = store.allocate(len(data))
    store.place(data, [(content, 0, 0, len(data))])
    return content


def read(store: ImageStore, content: Stored, size: int) -> bytes:
    store.flush()
    with content.open(size) as stream:
        return stream.read()


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 100_000])
def test_sizes(size: int, store: ImageStore) -> None:
    data = os.urandom(size)
    content = put(store, data)
    assert read(store, content, size) == data
    assert store.data_blocks == -(-size // 1024)


def test_a_file_in_many_pieces(store: ImageStore) -> None:
    data = os.urandom(10_000)
    content = store.allocate(len(data))
    for at in range(0, len(data), 700):
        store.place(data, [(content, at, at, min(700, len(data) - at))])
    assert read(store, content, len(data)) == data


def test_a_file_round_a_copy(store: ImageStore) -> None:
    store.allocator.behind(8192 - 4 - 3)
    data = os.urandom(8 * 1024 + 5)
    content = put(store, data)
    assert [(logical, blocks) for logical, _, blocks in content.extents] == [(0, 3), (3, 6)]
    assert read(store, content, len(data)) == data


def test_rest_of_a_reused_last_block_is_zero(store: ImageStore) -> None:
    first = put(store, b"x" * 1024)
    put(store, b"y")
    store.release(first)
    second = put(store, b"z")
    assert second.extents == first.extents
    assert read(store, second, 1024) == b"z" + bytes(1023)


def test_punched_holes_read_as_zero(store: ImageStore) -> None:
    secret = put(store, b"secret" * 1000)
    put(store, b"kept")
    store.flush()
    store.release(secret)
    store.punch_holes()
    assert read(store, secret, 6000) == bytes(6000)


def test_sparse_files_take_no_reused_blocks(store: ImageStore) -> None:
    first = put(store, b"x" * 4096)
    put(store, b"y")
    store.release(first)
    content = store.allocate(10_000, [(5000, 10)])
    store.place(b"0123456789", [(content, 5000, 0, 10)])
    assert read(store, content, 10_000) == bytes(5000) + b"0123456789" + bytes(4990)
    assert [(logical, blocks) for logical, _, blocks in content.extents] == [(4, 1)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 5000)), max_size=8))
def test_any_segments(gaps: list[tuple[int, int]], store: ImageStore) -> None:
    segments, at = [], 0
    for gap, length in gaps:
        segments.append((at + gap, length))
        at += gap + length
    size = at + 100
    wanted = bytearray(size)
    content = store.allocate(size, segments)
    for offset, length in segments:
        data = os.urandom(length)
        wanted[offset : offset + length] = data
        if length:
            half = length // 2
            spans = [(content, offset, 0, half), (content, offset + half, half, length - half)]
            store.place(data, [span for span in spans if span[3]])
    assert read(store, content, size) == wanted


def test_behind_the_limit_it_counts_but_does_not_write(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "store", os.O_RDWR | os.O_CREAT)
    store = ImageStore(fd, Allocator(FIXED), 1024, limit_blocks=8)
    put(store, b"x" * 3000)
    put(store, b"y" * 100_000)
    store.flush()
    store.close()
    assert os.fstat(fd).st_size <= 8 * 1024
    assert store.data_blocks == 3 + 98
    os.close(fd)


def test_no_byte_of_a_released_file_is_in_the_image(tmp_path: Path) -> None:
    image = tmp_path / "image.ext4"
    secret = b"this must not be found in the image. " * 300
    with Ext4Writer(image, Options(free_bytes=0)) as writer:
        kept = put(writer.store, b"kept")
        hidden = put(writer.store, secret)
        writer.store.release(hidden)
        tree = Tree()
        tree.root.children[b"kept"] = File(Metadata(mode=0o644), 4, kept)
        writer.commit(tree)
    assert b"must not be found" not in image.read_bytes()


def test_equal_trees_give_equal_bytes(tmp_path: Path) -> None:
    images = []
    for name in ("one", "other"):
        with Ext4Writer(tmp_path / name) as writer:
            tree = Tree()
            for number in range(50):
                data = b"%d" % number * 500
                content = put(writer.store, data)
                tree.root.children[b"%d" % number] = File(Metadata(mode=0o644), len(data), content)
            writer.commit(tree)
        images.append((tmp_path / name).read_bytes())
    assert images[0] == images[1]
