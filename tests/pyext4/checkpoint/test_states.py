"""The state of a store and its tree goes to bytes and comes back, whatever the tree is."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyext4 import Directory, Ext4Writer, File, Metadata, Options, Tree
from pyext4.checkpoint import StateError, load, save, take_up
from pyext4.checkpoint.data import copy, is_sound, pieces_of
from pyext4.checkpoint.moves import Move, moves
from pyext4.image.sink import CRC_SEED, Piece
from pyext4.image.store import Stored
from pyext4.native import crc32c
from tests.property.tree_judges import described
from tests.property.tree_strategies import trees

HOW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)


def stored(tree: Tree, writer: Ext4Writer) -> None:
    """Put all contents of a tree into a writer's store, as a merge does."""
    for node in {node for node in tree.nodes() if isinstance(node, File) and node.size}:
        assert isinstance(node.content, bytes)
        content = writer.store.allocate(node.size)
        writer.store.place(node.content, [(content, 0, 0, node.size)])
        node.content = content


def in_memory(node: object) -> bool:
    return not isinstance(node, File) or isinstance(node.content, bytes)


@HOW
@given(tree=trees().filter(lambda tree: all(map(in_memory, tree.nodes()))))
def test_a_tree_comes_back(tree: Tree, tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "a") as first:
        first.store.keep_checksums()
        stored(tree, first)
        first.store.flush()
        store = first.store
        end = store.allocator.end * store.block_size
        pieces = pieces_of(store.fd, store.written, end)
        assert is_sound(store.fd, pieces)
        content = save(tree, store, pieces, {"mine": 7})
        state = load(content)
        assert (state.facts, state.end_bytes) == ({"mine": 7}, end)
        with Ext4Writer(tmp_path / "b") as second:
            again = take_up(state, second.store)
            copy(store.fd, second.store.fd, moves(state, second.store.allocator.order))
            assert described(again) == described(tree)
            assert [name for name, _ in again.walk()] == [name for name, _ in tree.walk()]
            second.commit(again)
        first.commit(tree)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@HOW
@given(steps=st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=30))
def test_the_allocator_goes_on(steps: list[tuple[int, bool]], tmp_path: Path) -> None:
    """What is handed out next depends on what was handed out and released, and on nothing else."""
    with Ext4Writer(tmp_path / "a", Options(block_size_bytes=1024)) as first:
        kept: dict[bytes, Stored] = {}
        for number, (blocks, release) in enumerate(steps):
            kept[b"%d" % number] = first.store.allocate(blocks * 1024 * 64)
            if release:
                _, content = kept.popitem() if number % 2 else (0, kept.pop(next(iter(kept))))
                first.store.release(content)
        children = {
            name: File(Metadata(mode=0o644), content.size, content)
            for name, content in kept.items()
        }
        tree = Tree(Directory(Metadata(mode=0o755), dict(children)))
        state = load(save(tree, first.store, [], {}))
        with Ext4Writer(tmp_path / "b", Options(block_size_bytes=1024)) as second:
            take_up(state, second.store)
            assert second.store.data_blocks == first.store.data_blocks
            for blocks in (1, 3, 64, 200, 1, 5000, 2, 70_000):
                asked = first.store.allocate(blocks * 1024), second.store.allocate(blocks * 1024)
                assert asked[0].extents == asked[1].extents


def test_what_cannot_be_kept(tmp_path: Path) -> None:
    elsewhere = Tree(Directory(Metadata(mode=0o755), {b"a": File(Metadata(mode=0), 1, b"x")}))
    with Ext4Writer(tmp_path / "a") as writer, pytest.raises(StateError, match="blocks"):
        save(elsewhere, writer.store, [], {})
    with Ext4Writer(tmp_path / "a", Options(size_bytes=2 << 20)) as writer:
        writer.store.allocate(4 << 20)
        with pytest.raises(StateError, match="not all of it"):
            save(Tree(), writer.store, [], {})


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "a") as writer:
        content = save(Tree(), writer.store, [], {"a": 1})
    for at in range(len(content)):
        bad = bytearray(content)
        bad[at] ^= 1 << at % 8
        with pytest.raises(StateError):
            load(bytes(bad))
        with pytest.raises(StateError):
            load(content[:at])


def test_pieces_cover_everything(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(100_000)
    path = tmp_path / "data"
    path.write_bytes(data)

    def piece(start: int, end: int) -> Piece:
        return Piece(start, end - start, crc32c(CRC_SEED, data[start:end]))

    stale = Piece(20_000, 10_000, 1)
    written = [piece(4096, 8192), stale, piece(20_000, 24_000), piece(90_000, 100_000)]
    with path.open("rb") as file:
        fd = file.fileno()
        pieces = pieces_of(fd, written, 120_000)
        assert is_sound(fd, pieces)
        at = 0
        for each in pieces:
            assert each.offset == at
            at += each.length
        assert at == 120_000
        assert piece(4096, 8192) in pieces
        assert stale not in pieces
        os.truncate(path, 99_999)
        assert not is_sound(fd, pieces)


def test_copies_have_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"data")
    with source.open("rb") as one, target.open("wb") as other:
        copy(one.fileno(), other.fileno(), [Move(0, 0, 64 << 20)])
    assert target.stat().st_size == 64 << 20
    assert target.stat().st_blocks < 1000
    assert source.read_bytes() == target.read_bytes()
