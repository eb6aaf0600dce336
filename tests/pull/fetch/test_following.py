"""Reading a blob while it arrives: from memory if the reader keeps up, else from the file."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pull.fetch.arrival
import pull.fetch.download
from pull.cache import Cache, Partial
from pull.errors import PullError
from pull.fetch.arrival import Arrival
from pull.fetch.download import download
from tests.oracle_tools import refuse
from tests.pull.fetch.sending import Sent, Server, descriptor_of

MIB = 1 << 20
BLOB = random.Random(1).randbytes(7 * MIB + 12_345)
LONG = 30.0  # no test takes so many seconds, but one that hangs


@contextlib.contextmanager
def downloading(
    server: Server, directory: Path, arrival: Arrival, claimed: Callable[[Partial], None]
) -> Iterator[threading.Thread]:
    """Download to the cache in `directory`, beside the block."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with Cache(directory).claim(arrival.descriptor.digest, lambda: False) as partial:
                assert partial is not None
                claimed(partial)
                arrival.began(partial.fd)
                descriptor = arrival.descriptor
                try:
                    download(server, descriptor, partial, arrivals=arrival, cancelled=lambda: False)
                finally:
                    arrival.withdrawn()
            arrival.ended()
        except (PullError, OSError, AssertionError) as error:
            failures.append(error)
            arrival.ended(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(LONG)
    assert not thread.is_alive()
    assert not failures
    descriptor = arrival.descriptor
    assert Cache(directory).path(descriptor.digest).read_bytes() == server.data


def nothing(_: Partial) -> None:
    pass


def new_arrival(blob: bytes, buffers: int) -> Arrival:
    return Arrival(descriptor_of(blob), None, lambda: False, buffers=buffers)


def opened(arrival: Arrival) -> BinaryIO:
    stream = arrival.open()
    assert stream is not None
    return stream


def descriptors_below(directory: Path) -> list[str]:
    """List what this process has open there."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [path for path in found if path.startswith(str(directory))]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A download that waits for a reader waits for ever."""
    monkeypatch.setattr(pull.fetch.arrival, "_PATIENCE_SECONDS", 1e6)
    return iter(())


@pytest.fixture
def written_directly(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What went past the page cache: (offset, bytes)."""
    seen = []
    pwrite = os.pwrite

    def seen_pwrite(fd: int, data: memoryview, offset: int) -> int:
        count = pwrite(fd, data, offset)
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
            seen.append((offset, count))
        return count

    monkeypatch.setattr(os, "pwrite", seen_pwrite)
    return seen


@pytest.fixture
def read_of_files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What readers took from the file: (offset, bytes)."""
    seen = []
    preadv = os.preadv

    def seen_preadv(fd: int, buffers: list[memoryview], offset: int) -> int:
        count = preadv(fd, buffers, offset)
        seen.append((offset, count))
        return count

    monkeypatch.setattr(os, "preadv", seen_preadv)
    return seen


@pytest.mark.parametrize("buffers", [1, 3])
@pytest.mark.usefixtures("patience")
def test_reader_that_keeps_up_needs_no_file(
    tmp_path: Path,
    buffers: int,
    written_directly: list[tuple[int, int]],
    read_of_files: list[tuple[int, int]],
) -> None:
    arrival = new_arrival(BLOB, buffers)
    with downloading(Server(BLOB), tmp_path, arrival, nothing), opened(arrival) as stream:
        assert stream.read() == BLOB
    assert descriptors_below(tmp_path) == []
    assert read_of_files == []
    if not written_directly:
        refuse("this filesystem takes no direct writes")
    assert written_directly == [(number * MIB, MIB) for number in range(7)]


@pytest.mark.usefixtures("patience")
def test_download_waits_for_a_reader(tmp_path: Path) -> None:
    arrival = new_arrival(BLOB, 3)
    server = Server(BLOB)
    with downloading(server, tmp_path, arrival, nothing) as thread:
        stream = opened(arrival)
        thread.join(0.3)
        assert server.sent == 3 * MIB
        assert stream.read(MIB) == BLOB[:MIB]
        thread.join(0.3)
        assert server.sent <= 5 * MIB  # the reader has a buffer of its own
        with stream:
            assert stream.read() == BLOB[MIB:]


def test_reader_that_takes_nothing_is_not_waited_for_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull.fetch.arrival, "_PATIENCE_SECONDS", 0.2)
    arrival = new_arrival(BLOB, 3)
    with (
        downloading(Server(BLOB), tmp_path, arrival, nothing) as thread,
        opened(arrival) as stream,
    ):
        assert stream.read(1000) == BLOB[:1000]
        thread.join(LONG)
        assert not thread.is_alive()
        assert stream.read() == BLOB[1000:]


@pytest.mark.usefixtures("patience")
def test_nobody_is_waited_for_where_nobody_reads(
    tmp_path: Path, written_directly: list[tuple[int, int]]
) -> None:
    arrival = new_arrival(BLOB, 3)
    arrival.unread()
    with downloading(Server(BLOB), tmp_path, arrival, nothing) as thread:
        thread.join(LONG)
    assert written_directly == []  # whoever comes later finds it in the page cache


@pytest.mark.usefixtures("patience")
def test_reader_that_leaves_is_not_waited_for(tmp_path: Path) -> None:
    arrival = new_arrival(BLOB, 3)
    with downloading(Server(BLOB), tmp_path, arrival, nothing), opened(arrival) as stream:
        assert stream.read(1000) == BLOB[:1000]


@pytest.mark.usefixtures("patience")
def test_second_reader_goes_by_the_file(
    tmp_path: Path, read_of_files: list[tuple[int, int]]
) -> None:
    arrival = new_arrival(BLOB, 3)
    with downloading(Server(BLOB), tmp_path, arrival, nothing), opened(arrival) as stream:
        with opened(arrival) as other:
            assert other.read(3 * MIB) == BLOB[: 3 * MIB]
        assert sum(count for _, count in read_of_files) == 3 * MIB
        assert stream.read() == BLOB


@pytest.mark.usefixtures("patience")
def test_reader_of_what_an_earlier_run_left(
    tmp_path: Path,
    written_directly: list[tuple[int, int]],
    read_of_files: list[tuple[int, int]],
) -> None:
    arrival = new_arrival(BLOB, 2)
    left = 2 * MIB + 77
    server = Server(BLOB)
    with (
        downloading(
            server, tmp_path, arrival, lambda partial: partial.write(BLOB[:left], 0)
        ) as thread,
        opened(arrival) as stream,
    ):
        thread.join(0.2)  # until the buffers are full
        assert stream.read() == BLOB
    assert server.offsets == [left]
    assert sum(count for _, count in read_of_files) == left
    if not written_directly:
        refuse("this filesystem takes no direct writes")
    assert written_directly == [(number * MIB, MIB) for number in range(3, 7)]


def test_slow_line_does_not_wait_for_a_full_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull.fetch.download, "_SLOW_SECONDS", 0)
    was_read = threading.Event()
    readinto = Sent.readinto

    def slow(sent: Sent, buffer: memoryview) -> int:
        if server.sent:
            assert was_read.wait(LONG)
        return readinto(sent, buffer)

    monkeypatch.setattr(Sent, "readinto", slow)
    server = Server(BLOB, pieces=(100_000,))
    arrival = new_arrival(BLOB, 3)
    with downloading(server, tmp_path, arrival, nothing), opened(arrival) as stream:
        assert stream.read(1000) == BLOB[:1000]
        was_read.set()
        assert stream.read() == BLOB[1000:]


def test_server_that_sends_everything_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = Server.blob
    monkeypatch.setattr(Server, "blob", lambda server, descriptor, _: blob(server, descriptor))
    arrival = new_arrival(BLOB, 10)
    server = Server(BLOB)
    with downloading(server, tmp_path, arrival, lambda partial: partial.write(BLOB[:77], 0)):
        pass
    assert server.sent == len(BLOB)


def test_bytes_that_were_wrong_are_not_kept(tmp_path: Path) -> None:
    began_anew = threading.Event()

    class Observed(Arrival):
        def restarted(self) -> None:
            super().restarted()
            self.stream = opened(self)
            began_anew.set()

    arrival = Observed(descriptor_of(BLOB), None, lambda: False, buffers=10)
    server = Server(BLOB, wrong=[bytes(len(BLOB))])
    with downloading(server, tmp_path, arrival, nothing):
        assert began_anew.wait(LONG)
        with arrival.stream as stream:
            assert stream.read() == BLOB
    assert server.offsets == [0, 0]


@pytest.mark.usefixtures("patience")
def test_filesystem_without_direct_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_directly: list[tuple[int, int]]
) -> None:
    open_ = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777, **more: int) -> int:
        if flags & os.O_DIRECT:
            raise OSError
        return open_(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", refusing)
    arrival = new_arrival(BLOB, 3)
    with downloading(Server(BLOB), tmp_path, arrival, nothing), opened(arrival) as stream:
        assert stream.read() == BLOB
    assert written_directly == []


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a download and its reader go."""

    size: int
    buffers: int
    pieces: tuple[int, ...]  # that one read of the connection gives
    breaks: tuple[int, ...]  # bytes after which a connection breaks
    reads: tuple[int, ...]  # what the reader asks for
    left: int  # by an earlier run


def sizes(least: int, most: int, count: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(least, most), min_size=count, max_size=count + 4).map(tuple)


@settings(deadline=None)
@given(
    course=st.builds(
        Course,
        size=st.integers(1, 4 * MIB),
        buffers=st.integers(1, 4),
        pieces=sizes(10_000, 2 * MIB, 1),
        breaks=sizes(1, MIB, 0),
        reads=sizes(10_000, 2 * MIB, 1),
        left=st.integers(0, 2 * MIB),
    )
)
def test_reader_gets_every_byte_however_it_comes(
    tmp_path_factory: pytest.TempPathFactory, course: Course
) -> None:
    blob = BLOB[: course.size]
    arrival = new_arrival(blob, course.buffers)
    server = Server(blob, course.pieces, course.breaks)
    seen = bytearray()
    directory = tmp_path_factory.mktemp("cache")

    def leave(partial: Partial) -> None:
        partial.write(blob[: course.left], 0)

    with (
        downloading(server, directory, arrival, leave),
        arrival.open() or Cache(directory).path(arrival.descriptor.digest).open("rb") as stream,
    ):
        for size in itertools.cycle(course.reads):
            data = stream.read(size)
            if not data:
                break
            seen += data
    assert seen == blob
