"""Work in proportion to the layer: small layers that could take quadratic time.

Ten seconds are far more than each takes, and far less than it would take in quadratic time.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flatten import LayerError, LimitError, Limits, flatten
from pyext4.content import open_content
from pyext4.tree import Directory, File, Tree
from tests.flatten.cases_formats import GNU, sparse_extension, sparse_header
from tests.flatten.ledger import Ledger
from tests.flatten.tars import (
    MemoryLayer,
    directory,
    file,
    hardlink,
    layer,
    member,
    pax,
    symlink,
    tar,
    whiteout,
)


def at(tree: Tree, *names: bytes) -> object:
    node: object = tree.root
    for name in names:
        assert isinstance(node, Directory)
        node = node.children[name]
    return node


@contextmanager
def within_seconds() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < 10


def sparse_10(numbers: bytes, data: bytes = b"", size: int = 1 << 40) -> list[bytes]:
    """A PAX 1.0 member whose map is given as it stands in front of the payload."""
    padded = numbers + bytes(-len(numbers) % 512)
    head = pax(
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"s"),
        (b"GNU.sparse.realsize", b"%d" % size),
    )
    return [head, file(b"GNUSparseFile.0/s", padded + data)]


def a_map_of_1_0(regions: int) -> list[bytes]:
    return sparse_10(b"%d\n" % regions + b"0\n0\n" * regions)


def test_a_map_in_front_of_the_payload_has_the_limit_of_header_bytes() -> None:
    """Go stops at 1 MiB: archive/tar, readGNUSparseMap1x0 and maxSpecialFileSize."""
    with within_seconds(), pytest.raises(LimitError) as caught:
        flatten([layer(*a_map_of_1_0(3_000_000))])
    assert caught.value.limit == "header_bytes"
    assert str(caught.value).endswith(
        "GNUSparseFile.0/s: exceeds the limit header_bytes: 1048576 (1 MiB)"
    )


def test_a_map_of_a_million_regions_is_read_once_where_the_limit_lets_it() -> None:
    layers = [layer(*a_map_of_1_0(1_000_000))]
    with within_seconds():
        tree = flatten(layers, limits=Limits(header_bytes=1 << 23))
    assert [node.size for node in tree.nodes() if isinstance(node, File)] == [1 << 40]


@pytest.mark.parametrize("zeros", [0, 100, 5000, 100_000])
def test_numbers_of_a_map_may_have_zeros_in_front(zeros: int) -> None:
    numbers = b"%b1\n%b3\n%b1\n" % ((b"0" * zeros,) * 3)
    tree = flatten([layer(*sparse_10(numbers, b"x", 10))], into=Ledger())
    (node,) = tree.root.children.values()
    assert isinstance(node, File)
    with open_content(node) as stream:
        assert stream.read() == b"\0\0\0x" + bytes(6)


@pytest.mark.parametrize("most", [512, 511])
def test_a_map_that_just_fits(most: int) -> None:
    image = [layer(*sparse_10(b"1\n0\n1\n", b"x", 1))]
    if most == 512:
        flatten(image, limits=Limits(header_bytes=most))
    else:
        with pytest.raises(LimitError, match="s: exceeds the limit header_bytes: 511"):
            flatten(image, limits=Limits(header_bytes=most))


@pytest.mark.parametrize(
    "numbers",
    [b"9" * 30 + b"\n", b"1\n" + b"x" * 5, b"1\n-1\n1\n", b"\n\n\n", b"1\n0\n" + b"0" * 600],
)
def test_what_is_no_map(numbers: bytes) -> None:
    with pytest.raises(LayerError, match="sparse map"):
        flatten([layer(*sparse_10(numbers))])


def test_maps_in_headers_have_the_same_limit() -> None:
    many = b",".join([b"0,0"] * 400_000)
    with within_seconds(), pytest.raises(LimitError, match="header_bytes"):
        flatten([layer(pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", many)), file(b"s"))])
    blocks = [sparse_extension([(0, 0)] * 21, more=True)] * 3000
    head = member(b"s", b"S", magic=GNU, extra=sparse_header([(0, 0)] * 4, 9, more=True))
    with within_seconds(), pytest.raises(LimitError, match="header_bytes"):
        flatten([layer(head, *blocks, sparse_extension([]))])


LINKS = 20_000
CHAINS = {
    "chain": [hardlink(b"f%d" % n, b"f%d" % (n + 1)) for n in range(LINKS)],
    "chain, the last first": [hardlink(b"f%d" % n, b"f%d" % (n + 1)) for n in range(LINKS)][::-1],
    "circle": [hardlink(b"f%d" % n, b"f%d" % ((n + 1) % LINKS)) for n in range(LINKS)],
    "tree": [hardlink(b"f%d" % n, b"f%d" % (n // 2)) for n in range(LINKS)],
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("layers_below", [0, 1])
def test_links_whose_target_never_comes(name: str, layers_below: int) -> None:
    below = [layer(file(b"other", b"x"))] * layers_below
    links = MemoryLayer(blob=tar(CHAINS[name]))
    with within_seconds(), pytest.raises(LayerError, match="link to a target that never comes: f"):
        flatten([*below, links])


def test_links_that_come_by_links_on_the_way() -> None:
    """A chain of symbolic links that are hard links themselves, each behind the one it needs."""
    members = [file(b"d/target", b"x"), symlink(b"real0", b"d")]
    names = [b"real%d" % number for number in range(20)]
    for before, name in itertools.pairwise(names):
        members.append(symlink(b"d/" + name, b"/d"))
        members.insert(0, hardlink(name, before + b"/" + name))
    tree = flatten([layer(*members, hardlink(b"last", names[-1] + b"/target"))])
    assert at(tree, b"last") is at(tree, b"d", b"target")


def long_way(part: bytes) -> list[bytes]:
    """39 symbolic links, each of 4,000 bytes, to a directory with a file."""
    members = [file(b"l0/t", b"x")]
    for number in range(39):
        target = part * (4000 // len(part)) + b"l%d" % number
        members += [pax((b"linkpath", target)), symlink(b"l%d" % (number + 1), b"")]
    return members


def test_links_of_many_dots_cost_nothing() -> None:
    links = [hardlink(b"f%d" % number, b"l39/t") for number in range(5000)]
    markers = [whiteout(b"l39/f%d" % number) for number in range(5000)]
    parents = [file(b"l39/d%d/f" % number) for number in range(5000)]
    below = layer(*long_way(b"./"))
    with within_seconds():
        tree = flatten([below, MemoryLayer(blob=tar([*links, *markers, *parents]))])
    assert sum(1 for _ in tree.nodes()) > 10_000


@pytest.mark.parametrize(
    "use",
    [file(b"l39/f"), hardlink(b"f", b"l39/t"), whiteout(b"l39/t")],
    ids=["file", "link", "wh"],
)
def test_links_with_too_many_components_on_one_way(use: bytes) -> None:
    below = layer(directory(b"a"), *long_way(b"a/../"))
    with pytest.raises(LayerError, match="symbolic links with more than 4096 components"):
        flatten([below, layer(use)])
    assert at(flatten([below, layer(file(b"l2/f"))]), b"l0", b"f")
