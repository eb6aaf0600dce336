"""Small layers whose records apply to many files: time and memory in proportion to the input."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flatten import LimitError, Limits, flatten
from flatten.discard import Discard
from pyext4.content import open_content
from pyext4.tree import File, Tree
from tests.flatten.tars import MemoryLayer, file, layer, member, pax, record, tar

LARGE = b"a" * 60_000
SECONDS = 20  # of the processor: a few times what it takes under coverage; the squares took more
MEMORY_BYTES = 100_000_000


@contextmanager
def bounded() -> Iterator[None]:
    tracemalloc.start()
    started = time.process_time()
    try:
        yield
    finally:
        taken = time.process_time() - started
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert taken < SECONDS
        assert peak < MEMORY_BYTES


def flat(*members: bytes) -> Tree:
    made = MemoryLayer(blob=gzip.compress(tar(members), 1))
    with bounded():
        return flatten([made], into=Discard())


def metadata_of(tree: Tree) -> set[int]:
    return {id(node.meta) for node in tree.root.children.values()}


def attribute(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return b"SCHILY.xattr.user." + name, value


GLOBAL = pax(attribute(b"a", LARGE), typeflag=b"g")


def test_one_global_attribute_over_many_files() -> None:
    tree = flat(GLOBAL, *[file(b"f%d" % n) for n in range(5000)])
    assert len(metadata_of(tree)) == 1


def test_one_global_attribute_over_files_with_times_of_their_own() -> None:
    tree = flat(GLOBAL, *[file(b"f%d" % n, mtime=n) for n in range(5000)])
    assert len(metadata_of(tree)) == 5000
    assert len({id(node.meta.xattrs) for node in tree.root.children.values()}) == 1


def test_one_global_attribute_over_files_with_records_of_their_own() -> None:
    tree = flat(
        GLOBAL,
        *[
            part
            for n in range(5000)
            for part in (pax(attribute(b"b", b"%d" % n)), file(b"f%d" % n))
        ],
    )
    values = {
        id(value) for node in tree.root.children.values() for _, value in node.meta.xattrs[:1]
    }
    assert len(values) == 1


def test_many_global_headers() -> None:
    tree = flat(*[GLOBAL] * 200, *[file(b"f%d" % n) for n in range(1000)])
    assert len(metadata_of(tree)) == 1


def test_global_headers_between_the_files() -> None:
    flat(*[part for n in range(500) for part in (GLOBAL, file(b"f%d" % n))])


def test_global_headers_of_different_attributes_add_up_to_a_limit() -> None:
    headers = [pax(attribute(b"%d" % n, LARGE), typeflag=b"g") for n in range(200)]
    with pytest.raises(LimitError, match="exceeds the limit header_bytes: 1048576"):
        flat(*headers, *[file(b"f%d" % n) for n in range(1000)])


def test_a_global_header_of_many_attributes() -> None:
    records = [attribute(b"%d" % n, b"1") for n in range(30_000)]
    with pytest.raises(LimitError, match="f0: exceeds the limit xattrs: 512"):
        flat(pax(*records, typeflag=b"g"), *[file(b"f%d" % n) for n in range(20_000)])


def test_global_attributes_that_are_left_out() -> None:
    records = [(b"SCHILY.xattr.com.apple.%d" % n, b"1") for n in range(512)]
    flat(pax(*records, typeflag=b"g"), *[file(b"f%d" % n, mtime=n) for n in range(10_000)])


def test_equal_records_are_shared() -> None:
    records = pax(attribute(b"a", LARGE), (b"LIBARCHIVE.creationtime", b"5"))
    tree = flat(*[part for n in range(300) for part in (records, file(b"f%d" % n))])
    assert len(metadata_of(tree)) == 1


def test_what_is_read_once_is_forgotten_in_time() -> None:
    """50 MB of records, no two equal, of which none is kept in the end."""
    parts = [
        part
        for n in range(60)
        for part in (pax((b"SCHILY.xattr.com.apple.a", b"%d" % n + b"v" * 900_000)), file(b"f"))
    ]
    flat(*parts)


@pytest.mark.parametrize("value", [b"", b"1"])
def test_attributes_of_one_file(value: bytes) -> None:
    records = [attribute(b"%d" % n, value) for n in range(30_000)]
    if value:
        with pytest.raises(LimitError, match="f: exceeds the limit xattrs: 512"):
            flat(pax(*records), file(b"f"))
    else:
        assert flat(pax(*records), file(b"f")).root.children[b"f"].meta.xattrs == ()


def test_sparse_records_taken_back_again_and_again() -> None:
    kept = record(b"GNU.sparse.numbytes", b"1") * 20_000
    taken_back = (record(b"GNU.sparse.offset", b"1") + record(b"GNU.sparse.offset", b"")) * 7000
    last = record(b"GNU.sparse.numbytes", b"")
    flat(member(b"x", b"x", kept + taken_back + last), file(b"f"))


@pytest.mark.parametrize("count", [512, 513])
def test_xattrs_up_to_the_limit(count: int) -> None:
    made = layer(pax(*[attribute(b"%03d" % n, b"1") for n in range(count)]), file(b"f"))
    if count <= Limits().xattrs:
        assert len(flatten([made]).root.children[b"f"].meta.xattrs) == count
    else:
        with pytest.raises(LimitError, match="f: exceeds the limit xattrs: 512"):
            flatten([made])
        flatten([made], limits=Limits(xattrs=count))


def test_a_sparse_map_of_zeros_that_never_ends() -> None:
    """A number of format 1.0 may begin with zeros, however the chunks cut it, but not for ever."""
    sparse = pax(
        (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9")
    )
    before = file(b"before", bytes((1 << 20) - 2500))
    numbers = b"0" * 3000 + b"1\n" + b"0" * 3000 + b"8\n" + b"0" * 3000 + b"1\n"
    numbers += bytes(-len(numbers) % 512)
    made = MemoryLayer(blob=tar([before, sparse, file(b"s", numbers + b"x")]))
    node = flatten([made]).root.children[b"s"]
    assert isinstance(node, File)
    with open_content(node) as stream:
        assert stream.read() == bytes(8) + b"x"
    with pytest.raises(LimitError, match="s: exceeds the limit header_bytes"):
        flat(sparse, file(b"s", b"0" * 5_000_000))
