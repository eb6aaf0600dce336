"""Each limit stops an image that exceeds it, by name; an image that just fits passes."""

from __future__ import annotations

import gzip
import time
import tracemalloc

import pytest

from flatten import LimitError, Limits, flatten
from tests.flatten.ledger import Ledger
from tests.flatten.tars import (
    MemoryLayer,
    directory,
    file,
    hardlink,
    layer,
    member,
    opaque,
    pax,
    tar,
    whiteout,
)

TWO = layer(file(b"a", b"1" * 600), file(b"b", b"2"))
TWO_BYTES = 512 * 7


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(total_bytes=2 * TWO_BYTES - 1), "total_bytes"),
        (Limits(file_bytes=599), "file_bytes"),
        (Limits(entries=3), "entries"),
        (Limits(ratio=5, ratio_after_bytes=1000), "ratio"),
        (Limits(depth=0), "depth"),
    ],
)
def test_exceeded(limits: Limits, name: str) -> None:
    with pytest.raises(LimitError) as caught:
        flatten([TWO, TWO], limits=limits)
    assert caught.value.limit == name
    assert caught.value.most == getattr(limits, name)
    assert f"exceeds the limit {name}: " in str(caught.value)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(total_bytes=2 * TWO_BYTES),
        Limits(file_bytes=600),
        Limits(entries=4),
        Limits(ratio=5, ratio_after_bytes=TWO_BYTES),
        Limits(depth=1),
    ],
)
def test_just_kept(limits: Limits) -> None:
    assert set(flatten([TWO, TWO], limits=limits).root.children) == {b"a", b"b"}


@pytest.mark.parametrize(("depth", "fits"), [(3, True), (2, False)])
def test_depth_counts_components(depth: int, fits: bool) -> None:  # noqa: FBT001  (a column)
    image = [layer(directory(b"a/b/c"))]
    if fits:
        flatten(image, limits=Limits(depth=depth))
    else:
        with pytest.raises(LimitError, match="a/b/c: exceeds the limit depth: 2"):
            flatten(image, limits=Limits(depth=depth))


def test_sparse_files_count_with_their_holes() -> None:
    sparse = layer(
        pax((b"GNU.sparse.size", b"1000000"), (b"GNU.sparse.map", b"0,1")), file(b"s", b"x")
    )
    flatten([sparse], limits=Limits(file_bytes=1_000_000), into=Ledger())
    with pytest.raises(LimitError, match="s: exceeds the limit file_bytes: 999999"):
        flatten([sparse], limits=Limits(file_bytes=999_999), into=Ledger())


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_extended_headers(kind: bytes) -> None:
    body = b"1000 path=" + b"p" * 989 + b"\n"
    big = layer(member(b"h", kind, body), file(b"a"))
    with pytest.raises(LimitError, match="exceeds the limit header_bytes: 999"):
        flatten([big], limits=Limits(header_bytes=999))


def test_a_bomb_stops_early_and_small() -> None:
    """100 MB of zeros in 100 KB: stopped behind the first megabytes, with little memory."""
    bomb = MemoryLayer(blob=gzip.compress(file(b"a", bytes(100_000_000)), 9))
    ledger = Ledger()
    tracemalloc.start()
    with pytest.raises(LimitError, match="exceeds the limit file_bytes"):
        flatten([bomb], limits=Limits(file_bytes=1 << 20), into=ledger)
    with pytest.raises(LimitError, match="exceeds the limit total_bytes"):
        flatten([bomb], limits=Limits(total_bytes=1 << 22), into=Ledger())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not ledger.accounts
    assert peak < 250_000_000


def test_default_limits_let_a_file_of_zeros_through() -> None:
    zeros = MemoryLayer(blob=gzip.compress(file(b"a", bytes(50_000_000)), 9))
    assert flatten([zeros]).root.children.keys() == {b"a"}


def test_long_chains_of_links_take_no_longer_than_short_ones() -> None:
    """30,000 links, each to the next one behind it: in squares that would be minutes."""
    links = [hardlink(b"f%d" % number, b"f%d" % (number + 1)) for number in range(30_000)]
    backwards = MemoryLayer(blob=tar([*links, file(b"f30000", b"x")]))
    started = time.process_time()
    tree = flatten([backwards])
    assert time.process_time() - started < 10
    assert len(set(tree.root.children.values())) == 1


def test_markers_again_and_again_take_no_longer_than_once() -> None:
    """Two thousand of each kind over ten thousand files: in products that would be a minute."""
    own = [file(b"d/e/f%d" % number) for number in range(10_000)]
    markers = [whiteout(b"d"), opaque(b"d"), opaque(b""), opaque(b"d/e")] * 2000
    below = layer(directory(b"d/e"), file(b"d/e/old", b"1"))
    started = time.process_time()
    tree = flatten([below, MemoryLayer(blob=tar([*own, *markers]))])
    assert time.process_time() - started < 10
    assert sum(1 for _ in tree.nodes()) == 10_003
