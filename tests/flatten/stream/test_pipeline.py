"""The threads in `flatten`: they end, they close, and it doesn't matter which is faster."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pytest

from flatten import DiffIdError, LayerError, flatten
from tests.flatten.ledger import Ledger
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import MemoryLayer, file, hardlink, layer, tar, whiteout

RANDOM = random.Random(7)
BIG = RANDOM.randbytes(5_000_000)


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@dataclass(frozen=True, slots=True, kw_only=True)
class OddLayer:
    """A layer that opens as it is told."""

    digest: str
    stream: BinaryIO | Exception
    diff_id: str | None = None
    media_type: str = ""

    def open(self) -> BinaryIO:
        if isinstance(self.stream, Exception):
            raise self.stream
        return self.stream


class Trickle(io.RawIOBase):
    """Gives a byte or two at a time, slowly, and may break off with an error."""

    def __init__(self, data: bytes, error: Exception | None = None, pause: float = 0) -> None:
        self._data = io.BytesIO(data)
        self._error = error
        self._pause = pause

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        time.sleep(self._pause)
        data = self._data.read(min(len(buffer), 1 + len(buffer) // 3))
        if not data and self._error is not None:
            raise self._error
        buffer[: len(data)] = data
        return len(data)


def test_no_layers() -> None:
    assert not flatten([]).root.children


def test_wrong_diff_id() -> None:
    content = tar([file(b"a", b"1")])
    actual = "sha256:" + hashlib.sha256(content).hexdigest()
    bad = MemoryLayer(blob=gzip.compress(content), diff_id="sha256:" + "0" * 64)
    with pytest.raises(DiffIdError) as caught:
        flatten([bad])
    assert caught.value.digest == bad.digest
    assert (caught.value.expected, caught.value.actual) == (bad.diff_id, actual)
    assert all(stream.closed for stream in bad.opened)


def test_diff_id_of_another_algorithm() -> None:
    content = tar([file(b"a", b"1")])
    diff_id = "sha512:" + hashlib.sha512(content).hexdigest()
    good = MemoryLayer(blob=content, diff_id=diff_id)
    assert listing(flatten([good])) == {"a": "file 1"}


def test_diff_id_of_an_unknown_algorithm_is_refused() -> None:
    bad = MemoryLayer(blob=tar([file(b"a", b"1")]), diff_id="tiger:" + "0" * 48)
    with pytest.raises(LayerError, match="diff_id is of an unknown algorithm: tiger"):
        flatten([bad])


def test_large_files_over_many_chunks() -> None:
    tree = flatten([layer(file(b"a", BIG), file(b"b", b"x"), file(b"c", BIG[::-1]))])
    assert listing(tree) == {
        "a": "file " + BIG.decode("latin-1"),
        "b": "file x",
        "c": "file " + BIG[::-1].decode("latin-1"),
    }


def test_small_reads_change_nothing() -> None:
    blob = layer(file(b"a", BIG)).blob
    odd = OddLayer(digest="slow", stream=io.BufferedReader(Trickle(blob), 1))
    assert listing(flatten([odd])) == {"a": "file " + BIG.decode("latin-1")}


def test_a_damaged_layer_is_named_although_lower_ones_are_still_read() -> None:
    good = layer(file(b"a", BIG), *[file(b"f%d" % i, b"x") for i in range(3000)])
    bad = MemoryLayer(blob=layer(file(b"b", b"1")).blob[:-9])
    for _ in range(5):
        with pytest.raises(LayerError, match="compressed data is damaged") as caught:
            flatten([good, bad])
        assert caught.value.digest == bad.digest


def test_the_lowest_failure_counts() -> None:
    late = layer(file(b"a", BIG), hardlink(b"b", b"nothing"))
    bad = MemoryLayer(blob=layer(file(b"b", b"1")).blob[:-9])
    for _ in range(5):
        with pytest.raises(LayerError) as caught:
            flatten([late, bad, bad])
        assert caught.value.digest == late.digest


def test_a_layer_that_does_not_open() -> None:
    odd = OddLayer(digest="gone", stream=FileNotFoundError(2, "gone"))
    with pytest.raises(FileNotFoundError):
        flatten([layer(file(b"a", BIG)), odd])


def test_a_stream_that_breaks() -> None:
    stream = io.BufferedReader(Trickle(layer(file(b"a", BIG)).blob[:3_000_000], OSError("cut")))
    with pytest.raises(OSError, match="cut"):
        flatten([OddLayer(digest="cut", stream=stream)])
    assert stream.closed


def test_a_store_that_fails_leaves_nothing_behind() -> None:
    class Full(Ledger):
        def allocate(self, size: int, segments: object = None) -> object:  # type: ignore[override]
            del size, segments
            raise OSError(28, "No space left on device")

    big = layer(file(b"a", BIG * 4))
    with pytest.raises(OSError, match="No space"):
        flatten([big, big], into=Full())  # type: ignore[arg-type]
    assert all(stream.closed for stream in big.opened)


def test_interruption_ends_at_once() -> None:
    def interrupt(number: int, compressed: int, uncompressed: int) -> None:
        del number, compressed, uncompressed
        raise KeyboardInterrupt

    stream = io.BufferedReader(Trickle(bytes(50_000_000), pause=0.02))
    odd = OddLayer(digest="slow", stream=stream)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        flatten([layer(file(b"a", BIG)), odd], progress=interrupt)
    assert time.monotonic() - started < 20


def test_progress_tells_both_sizes() -> None:
    told: list[tuple[int, int, int]] = []
    layers = [layer(file(b"a", BIG)), layer(file(b"b", b"1"))]
    flatten(layers, progress=lambda *each: told.append(each))
    assert told[-1] == (1, len(layers[1].blob), 512 * 4)
    assert [each for each in told if each[0] == 0][-1][1:] == (
        len(layers[0].blob),
        len(tar([file(b"a", BIG)])),
    )


def test_the_store_sees_the_same_whatever_the_framing() -> None:
    stack = [
        [file(b"f%d" % i, bytes([65 + i % 26]) * (i * 37 % 9000 + 1)) for i in range(700)],
        [whiteout(b"f%d" % i) for i in range(0, 700, 3)]
        + [file(b"f%d" % i, b"new" * i) for i in range(1, 700, 2)],
        [hardlink(b"g%d" % i, b"f%d" % i) for i in range(1, 700, 2)]
        + [file(b"f1", b"last"), file(b"f1", b"again")],
    ]
    histories = []
    for pace in (None, 0, 0.0005):
        ledger = Ledger()
        layers = [layer(*members) for members in stack]
        flatten(
            layers
            if pace is None
            else [
                OddLayer(
                    digest="x",
                    stream=io.BufferedReader(
                        Trickle(tar(members), pause=pace), 512 if pace else 8192
                    ),
                )
                for members in stack
            ],
            into=ledger,
        )
        histories.append(ledger.history)
    assert histories[0] == histories[1] == histories[2]
    assert ("release", 0, 0) in histories[0]
