"""Other projects' readers agree on a sample tree: names, sizes, content."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pyext4 import Directory, Metadata, Options, Symlink, Tree, write_ext4
from pyext4.tree import Node
from tests.oracle.filesystem_cases import directory, plain
from tests.oracle.geometry_cases import timed
from tests.oracle.other_readers import READERS, found_in, listed_by_7z

pytestmark = pytest.mark.oracle

HOWS = {
    "default": timed(),
    "1k": timed(block_size_bytes=1024),
    "compat": timed(profile="compat"),
    "readonly": timed(profile="readonly"),
}


def sample() -> Tree:
    source = random.Random(4)
    shared = plain(b"one file, two names")
    files: dict[bytes, Node] = {
        b"size-%d" % size: plain(source.randbytes(size))
        for size in (0, 1, 1023, 1024, 1025, 4095, 4096, 4097, 300_000)
    }
    many: dict[bytes, Node] = {b"entry-%d" % n: plain(b"%d" % n) for n in range(300)}
    return Tree(
        Directory(
            Metadata(mode=0o755),
            {
                **files,
                b"many": directory(many),
                b"a": directory({b"b": directory({b"c": directory({b"deep": shared})})}),
                b"shared": shared,
                b"empty": directory({}),
                b"name-" + b"n" * 250: plain(b"long name"),
                "größe-日本".encode(): plain(b"not ASCII"),
                b"owned": plain(b"x", uid=70_000, mode=0o4755, xattrs=((b"user.a", b"b" * 300),)),
                b"link-59": Symlink(Metadata(mode=0o777), b"t" * 59),
                b"link-60": Symlink(Metadata(mode=0o777), b"t" * 60),
                b"link-to": Symlink(Metadata(mode=0o777), b"a/b/c/deep"),
            },
        )
    )


@pytest.fixture(scope="module", params=HOWS)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    how: Options = HOWS[request.param]
    place = tmp_path_factory.mktemp("readers") / "image.ext4"
    write_ext4(sample(), place, how)
    return place


@pytest.mark.parametrize("reader", READERS)
def test_reader_finds_what_the_tree_has(reader: str, image: Path, tmp_path: Path) -> None:
    read, links = READERS[reader]
    found = read(image, tmp_path)
    expected = found_in(sample(), links=links)
    assert found.keys() == expected.keys()
    assert [path for path in found if found[path] != expected[path]] == []


def test_7z_lists_the_sizes(image: Path) -> None:
    expected = {path: len(data) for path, data in found_in(sample(), links=False).items()}
    listed = listed_by_7z(image)
    assert listed == expected
