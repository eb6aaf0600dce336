"""Indexed directories, walked as a reader would: order of hashes, continuation, two levels."""

from __future__ import annotations

import struct
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyext4 import native
from pyext4.native.rows import Names
from pyext4.structures.htree import HtreeFullError, Index, build_index, fill

SEED = bytes(range(16))
FS_SEED, INODE_SEED = 77, 78


def names_of(names: list[bytes]) -> Names:
    return Names(
        joined=b"".join(names),
        lengths=bytes(map(len, names)),
        inos=array("I", range(100, 100 + len(names))),
        types=bytes(len(names)),
    )


def numbered(count: int, length: int) -> Names:
    return names_of([b"%06d" % n + b"x" * (length - 6) for n in range(count)])


def index_of(names: Names, block_size: int = 1024, *, csum: bool = True) -> Index:
    return build_index(names, version=1, seed=SEED, block_size=block_size, csum=csum)


def filled(index: Index, names: Names, block_size: int = 1024, *, csum: bool = True) -> bytearray:
    return fill(
        index,
        names,
        block_size=block_size,
        ino=12,
        parent_ino=2,
        version=1,
        fs_seed=FS_SEED if csum else None,
        inode_seed=INODE_SEED if csum else None,
    )


def entries(block: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
    """Return (hash, block) of an index block; the first has no hash; and the limit."""
    limit, count = struct.unpack_from("<HH", block, at)
    pairs = [struct.unpack_from("<II", block, at + 8 * n) for n in range(count)]
    return [(0 if n == 0 else pair[0], pair[1]) for n, pair in enumerate(pairs)], limit


def leaf_names(block: bytes) -> list[bytes]:
    at, out = 0, []
    while at < len(block) - 12:
        ino, record, length, _ = struct.unpack_from("<IHBB", block, at)
        if ino:
            out.append(bytes(block[at + 8 : at + 8 + length]))
        at += record
    return out


def leaves(data: bytearray, block_size: int, nodes: int) -> list[tuple[int, list[bytes]]]:
    """Return (lowest hash, names) of each leaf in the index's order."""
    blocks = [bytes(data[at : at + block_size]) for at in range(0, len(data), block_size)]
    assert blocks[0][30] == (1 if nodes else 0)  # indirect_levels
    above, _ = entries(blocks[0], 32)
    if nodes:
        below = []
        for hash_, node in above:
            part, _ = entries(blocks[node], 8)
            below += [(hash_, part[0][1]), *part[1:]]
        above = below
    return [(hash_, leaf_names(blocks[leaf])) for hash_, leaf in above]


@pytest.mark.parametrize(("count", "nodes"), [(60, 0), (900, 0), (12_000, 1)])
def test_every_name_is_in_the_leaf_of_its_hash(count: int, nodes: int) -> None:
    names = numbered(count, 12)
    index = index_of(names)
    assert (index.nodes > 0) == bool(nodes)
    data = filled(index, names)
    assert len(data) == index.blocks * 1024
    found = leaves(data, 1024, index.nodes)
    assert sorted(name for _, part in found for name in part) == sorted(
        names.joined[12 * n : 12 * n + 12] for n in range(count)
    )
    bounds = [hash_ & ~1 for hash_, _ in found] + [1 << 32]
    for (low, part), high in zip(found, bounds[1:], strict=True):
        hashes = [key >> 32 for key in native.hash_names(names_of(part), 1, SEED)]
        assert hashes == sorted(hashes)
        assert all(low & ~1 <= hash_ <= high for hash_ in hashes)


def test_leaf_that_goes_on_with_the_same_hash_has_bit_0(monkeypatch: pytest.MonkeyPatch) -> None:
    names = names_of([b"%04d" % n for n in range(200)])

    def one_hash(given: Names, _version: int, _seed: bytes) -> array[int]:
        return array("Q", [5000 << 32 | n for n in range(len(given.lengths))])

    monkeypatch.setattr(native, "hash_names", one_hash)
    index = index_of(names)
    assert list(index.hashes) == [5000, *[5001] * (index.leaves - 1)]
    assert index.leaves > 1


@pytest.mark.parametrize("csum", [True, False])
def test_limits_of_1k(csum: bool) -> None:  # noqa: FBT001
    names = numbered(8000, 200)
    index = index_of(names, csum=csum)
    data = filled(index, names, csum=csum)
    tail = 8 if csum else 0
    assert entries(bytes(data[:1024]), 32)[1] == (1024 - 32 - tail) // 8
    assert entries(bytes(data[1024:2048]), 8)[1] == (1024 - 8 - tail) // 8


def test_root_is_full_at_123_leaves() -> None:
    """1 KiB blocks have room for 4 names of 240 bytes; the root for 123 leaves."""
    assert index_of(numbered(4 * 123, 240)).nodes == 0
    assert index_of(numbered(4 * 123 + 1, 240)).nodes == 1


@pytest.mark.slow
def test_two_levels_are_full_at_123_times_126_leaves() -> None:
    assert index_of(numbered(4 * 123 * 126, 240)).nodes == 123
    with pytest.raises(HtreeFullError):
        index_of(numbered(4 * 123 * 126 + 1, 240))


@settings(max_examples=30, deadline=None)
@given(st.sets(st.binary(min_size=1, max_size=255), min_size=20, max_size=200))
def test_any_names(given_names: set[bytes]) -> None:
    names = names_of(sorted(given_names))
    index = index_of(names)
    found = leaves(filled(index, names), 1024, index.nodes)
    assert sorted(name for _, part in found for name in part) == sorted(given_names)


@pytest.mark.parametrize(
    ("version", "expected"),
    [(1, 0x591DE422), (2, 0x2DBF9E80)],  # debugfs -R "dx_hash -h ... lost+found", 1.47.0
)
def test_known_hashes(version: int, expected: int) -> None:
    (key,) = native.hash_names(names_of([b"lost+found"]), version, bytes(16))
    assert key >> 32 == expected
