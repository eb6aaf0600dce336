"""The temporary file that keeps contents for callers without a store."""

from __future__ import annotations

import errno
import gc
import os
import random
import tempfile
from pathlib import Path

import pytest

from flatten import Spool, flatten
from flatten.discard import Discard
from pyext4.content import open_content
from pyext4.tree import File
from tests.flatten.tars import file, layer


def test_contents_come_back_whatever_the_pieces() -> None:
    rng = random.Random(3)
    spool = Spool()
    wanted = [rng.randbytes(rng.randrange(1, 5000)) for _ in range(3000)]
    contents = [spool.allocate(len(data)) for data in wanted]
    chunk = b"".join(wanted)
    position = 0
    spans = []
    for content, data in zip(contents, wanted, strict=True):
        cut = rng.randrange(len(data))
        spans.append((content, 0, position, cut))
        spans.append((content, cut, position + cut, len(data) - cut))
        position += len(data)
    spool.place(chunk, spans)
    for content, data in zip(contents, wanted, strict=True):
        with content.open(len(data)) as stream:
            assert stream.read() == data


def test_holes_read_as_zeros_and_take_no_room() -> None:
    spool = Spool()
    size = 1 << 33
    content = spool.allocate(size, [(1 << 32, 3)])
    behind = spool.allocate(3)
    spool.place(b"abcxyz", [(content, 1 << 32, 0, 3), (behind, 0, 3, 3)])
    with content.open(size) as stream:
        assert stream.read(5) == bytes(5)
    with behind.open(3) as stream:
        assert stream.read() == b"xyz"
    assert os.fstat(spool.fd).st_blocks * 512 < 1 << 20


def test_a_hole_at_the_end_is_read_to_its_end() -> None:
    spool = Spool()
    content = spool.allocate(100_000, [(0, 1)])
    spool.place(b"a", [(content, 0, 0, 1)])
    with content.open(100_000) as stream:
        assert stream.read() == b"a" + bytes(99_999)


def test_streams_do_not_disturb_each_other() -> None:
    tree = flatten([layer(file(b"a", b"1" * 9000), file(b"b", b"2" * 9000))])
    files = [tree.root.children[name] for name in (b"a", b"b", b"a")]
    assert all(isinstance(node, File) for node in files)
    streams = [open_content(node) for node in files if isinstance(node, File)]
    pieces = [[stream.read(1000) for stream in streams] for _ in range(9)]
    assert [b"".join(each) for each in zip(*pieces, strict=True)] == [
        b"1" * 9000,
        b"2" * 9000,
        b"1" * 9000,
    ]
    for stream in streams:
        stream.close()


def test_nothing_has_a_name_and_the_last_reader_closes(tmp_path: Path) -> None:
    before = set(os.listdir(tempfile.gettempdir()))
    tree = flatten([layer(file(b"a", b"1" * 9000))])
    assert not [
        name for name in set(os.listdir(tempfile.gettempdir())) - before if "flatten" in name
    ]
    node = tree.root.children[b"a"]
    assert isinstance(node, File)
    stream = open_content(node)
    del tree, node
    gc.collect()
    assert stream.read() == b"1" * 9000
    spool = Spool(str(tmp_path))
    fd = spool.fd
    assert not list(tmp_path.iterdir())
    del spool
    gc.collect()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(fd)
    stream.close()


def test_discarded_contents_cannot_be_opened() -> None:
    tree = flatten([layer(file(b"a", b"1"), file(b"empty"))], into=Discard())
    node, empty = tree.root.children[b"a"], tree.root.children[b"empty"]
    assert isinstance(node, File)
    assert isinstance(empty, File)
    with pytest.raises(OSError, match="1 bytes of content were discarded"):
        open_content(node)
    with open_content(empty) as stream:
        assert stream.read() == b""
