"""Following a blob that starts over: no reader takes a truncated file for a whole one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pull.cache import Cache, Partial
from pull.errors import RestartedError
from pull.fetch.arrival import Arrival
from pull.fetch.download import download
from tests.pull.fetch.sending import Server, descriptor_of

BLOB = b"right" * 1000
DAMAGED = bytes(len(BLOB))
DESCRIPTOR = descriptor_of(BLOB)


@pytest.fixture
def partial(tmp_path: Path) -> Iterator[Partial]:
    """What an earlier run left: of the right size, and wrong."""
    with Cache(tmp_path).claim(DESCRIPTOR.digest, lambda: False) as claimed:
        assert claimed is not None
        claimed.write(DAMAGED, 0)
        yield claimed


@pytest.fixture
def arrival(partial: Partial) -> Arrival:
    """The same, with readers let in."""
    arrival = Arrival(DESCRIPTOR, None, lambda: False)
    arrival.began(partial.fd)
    return arrival


def test_reader_at_the_moment_of_truncation(
    arrival: Arrival, partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = arrival.open()
    assert stream is not None
    seen: list[Exception] = []

    def truncate(size: int) -> None:
        os.ftruncate(partial.fd, size)
        with pytest.raises(RestartedError) as caught:
            stream.read()
        seen.append(caught.value)

    monkeypatch.setattr(partial, "truncate", truncate)
    with closing(stream):
        download(Server(BLOB), DESCRIPTOR, partial, arrivals=arrival, cancelled=lambda: False)
    assert len(seen) == 1


def test_reader_that_was_promised_bytes_before_the_truncation(
    arrival: Arrival, partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrival.arrived(len(BLOB))
    stream = arrival.open()
    assert stream is not None
    preadv = os.preadv

    def late_preadv(fd: int, buffers: list[memoryview], offset: int) -> int:
        arrival.restarted()
        partial.truncate(0)
        return preadv(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", late_preadv)
    with closing(stream), pytest.raises(RestartedError):
        stream.read()
