"""Extent trees at the limits of their levels, walked with the declarations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyext4.native import crc32c
from pyext4.ondisk.extent import Extent, ExtentHeader, ExtentIdx
from pyext4.space.runs import Extent as Piece
from pyext4.structures.extents import EMPTY_ROOT, IN_INODE, single, split, tree, tree_blocks

FIRST_BLOCK = 5 << 32  # of the tree: both halves of a number count
SEED = 0x1234


def pieces_of(count: int, start: int = 1 << 33) -> list[Piece]:
    """Return extents that don't touch, beyond the blocks that 32 bits count."""
    return [Piece(3 * n, start + 5 * n, 2) for n in range(count)]


def walk(node: bytes, blocks: dict[int, bytes]) -> tuple[list[Piece], int]:
    """Return the leaves' entries and the depth; checks headers and order on the way."""
    header = ExtentHeader.parse(node)
    assert header.eh_magic == 0xF30A
    assert header.eh_entries <= header.eh_max
    found: list[Piece] = []
    for number in range(header.eh_entries):
        at = 12 + 12 * number
        if header.eh_depth == 0:
            leaf = Extent.parse(node[at:])
            start = leaf.ee_start_hi << 32 | leaf.ee_start_lo
            found.append(Piece(leaf.ee_block, start, leaf.ee_len))
        else:
            index = ExtentIdx.parse(node[at:])
            below, depth = walk(blocks[index.ei_leaf_hi << 32 | index.ei_leaf_lo], blocks)
            assert depth == header.eh_depth - 1
            assert below[0].logical == index.ei_block
            found += below
    return found, header.eh_depth


@pytest.mark.parametrize(
    ("count", "block_size", "blocks", "depth"),
    [
        (1, 4096, 0, 0),
        (4, 4096, 0, 0),
        (5, 4096, 1, 1),
        (340, 4096, 1, 1),
        (341, 4096, 2, 1),
        (4 * 340, 4096, 4, 1),
        (4 * 340 + 1, 4096, 5 + 1, 2),
        (4 * 84 * 84 + 1, 1024, 4 * 84 + 1 + 5 + 1, 3),
        (84, 1024, 1, 1),
        (85, 1024, 2, 1),
        (4 * 84 + 1, 1024, 5 + 1, 2),
        (169, 2048, 1, 1),
        (170, 2048, 2, 1),
    ],
)
def test_tree_of(count: int, block_size: int, blocks: int, depth: int) -> None:
    pieces = pieces_of(count)
    assert tree_blocks(count, block_size) == blocks
    numbers = list(range(FIRST_BLOCK, FIRST_BLOCK + blocks))
    root, written = tree(pieces, numbers, block_size=block_size, seed=SEED)
    assert len(root) == 60
    assert ExtentHeader.parse(root).eh_max == IN_INODE
    assert [number for number, _ in written] == numbers
    assert {len(data) for _, data in written} <= {block_size}
    assert walk(root, dict(written)) == (pieces, depth)


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_checksum_covers_all_entries_there_can_be(block_size: int) -> None:
    _, [(_, block)] = tree(pieces_of(5), [9], block_size=block_size, seed=SEED)
    end = 12 + ExtentHeader.parse(block).eh_max * 12
    assert int.from_bytes(block[end : end + 4], "little") == crc32c(SEED, block[:end])
    assert block[end + 4 :].count(0) == block_size - end - 4


def test_without_a_seed_there_is_no_checksum() -> None:
    _, [(_, block)] = tree(pieces_of(5), [9], block_size=4096, seed=None)
    assert block[12 + 5 * 12 :].count(0) == 4096 - 12 - 5 * 12


def test_single_is_a_tree_of_one() -> None:
    for piece in (Piece(0, 5, 1), Piece(7, 1 << 40, 32768)):
        assert single(*piece) == tree([piece], (), block_size=4096, seed=None)[0]


def test_empty_root_is_a_tree_of_none() -> None:
    assert tree([], (), block_size=4096, seed=None) == (EMPTY_ROOT, [])


@pytest.mark.parametrize(
    ("blocks", "lengths"),
    [
        (1, [1]),
        (32768, [32768]),
        (32769, [32768, 1]),
        (65536, [32768, 32768]),
        (100_000, [32768, 32768, 32768, 1696]),
    ],
)
def test_split(blocks: int, lengths: list[int]) -> None:
    cut = split([Piece(10, 500, blocks)])
    assert [length for _, _, length in cut] == lengths
    assert [(logical - 10, start - 500) for logical, start, _ in cut] == [
        (32768 * n, 32768 * n) for n in range(len(lengths))
    ]


@given(st.integers(0, 3000), st.sampled_from([1024, 2048, 4096]))
def test_any_tree_is_as_large_as_counted(count: int, block_size: int) -> None:
    numbers = range(FIRST_BLOCK, FIRST_BLOCK + tree_blocks(count, block_size))
    root, written = tree(pieces_of(count), numbers, block_size=block_size, seed=SEED)
    assert len(written) == len(numbers)
    assert walk(root, dict(written))[0] == pieces_of(count)
