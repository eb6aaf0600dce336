"""Following a blob that is begun anew: no reader takes a cut file for a whole one."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from pull.arrival import Arrival
from pull.cache import Cache, Partial
from pull.digest import Digest
from pull.download import download
from pull.errors import RestartedError
from pull.manifest import Descriptor
from pull.source import Document

BLOB = b"right" * 1000
DAMAGED = bytes(len(BLOB))
DESCRIPTOR = Descriptor(media_type="", digest=Digest.of(BLOB), size=len(BLOB))


class Sent:
    """An open blob."""

    offset = 0

    def __init__(self) -> None:
        self._stream = io.BytesIO(BLOB)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def readinto(self, buffer: memoryview) -> int:
        return self._stream.readinto(buffer)


class Server:
    """A source that has the blob."""

    name = "example.com/some/image:v1"

    def resolve(self) -> Digest | None:
        raise NotImplementedError

    def top(self) -> Document:
        raise NotImplementedError

    def document(self, descriptor: Descriptor) -> Document:
        raise NotImplementedError

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Sent:
        assert (descriptor, offset) == (DESCRIPTOR, 0)
        return Sent()

    def may_retry(self, failures: int) -> bool:
        raise NotImplementedError

    def reject(self, descriptor: Descriptor) -> bool:
        del descriptor
        return False

    def close(self) -> None: ...


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
        download(Server(), DESCRIPTOR, partial, arrivals=arrival, cancelled=lambda: False)
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
