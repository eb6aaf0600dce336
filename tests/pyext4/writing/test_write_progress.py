"""How far the writing is, as it tells, and that it ends when it is asked to."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import pytest

from pyext4 import (
    CancelledError,
    Ext4Writer,
    File,
    Metadata,
    Options,
    Tree,
    VerityOptions,
    Written,
    open_ext4,
    tree_from_directory,
    write_ext4,
)

MIB = 1 << 20
PLAIN = Metadata(mode=0o644)
PHASES = ["contents", "metadata", "sync"]


def from_memory(_: Path) -> Tree:
    tree = Tree()
    for number in range(20):
        tree.add(f"/{number}", File.of(b"x" * MIB))
    return tree


def streams(_: Path) -> Tree:
    tree = Tree()
    tree.add("/file", File(PLAIN, 20 * MIB, lambda: io.BytesIO(bytes(20 * MIB))))
    return tree


def large_host_file(folder: Path) -> Tree:
    (folder / "in").mkdir()
    (folder / "in/file").write_bytes(b"x" * 20 * MIB)
    return tree_from_directory(folder / "in")


def sparse_host_file(folder: Path) -> Tree:
    (folder / "in").mkdir()
    with (folder / "in/file").open("wb") as file:
        for number in range(10):
            file.seek(number * 4 * MIB)
            file.write(b"x" * MIB)
        file.truncate(60 * MIB)
    return tree_from_directory(folder / "in")


def small_host_files(folder: Path) -> Tree:
    (folder / "in").mkdir()
    for number in range(3000):
        (folder / f"in/{number}").write_bytes(b"x" * 4000)
    return tree_from_directory(folder / "in")


TREES: dict[str, Callable[[Path], Tree]] = {
    "memory": from_memory,
    "streams": streams,
    "large": large_host_file,
    "sparse": sparse_host_file,
    "small": small_host_files,
}


class Steps:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def __call__(self, phase: str, done_bytes: int, total_bytes: int) -> None:
        self.told.append((phase, done_bytes, total_bytes))

    def of(self, phase: str) -> list[tuple[int, int]]:
        return [(done, total) for name, done, total in self.told if name == phase]

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(phase for phase, _, _ in self.told))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    return {kind: make(tmp_path_factory.mktemp(kind)) for kind, make in TREES.items()}


@pytest.mark.parametrize("kind", TREES)
def test_phases_begin_with_0_and_end_with_their_total(
    made: dict[str, Tree], tmp_path: Path, kind: str
) -> None:
    tree, steps = made[kind], Steps()
    written = write_ext4(tree, tmp_path / "image", progress=steps)
    assert steps.phases == PHASES
    for phase in PHASES:
        told = steps.of(phase)
        assert len({total for _, total in told}) == 1
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1]
        assert all(first <= second for (first, _), (second, _) in pairwise(told))
    size = sum(node.size for node in tree.nodes() if isinstance(node, File))
    assert steps.of("contents")[-1] == (size, size)
    assert steps.of("sync")[-1] == (written.size_bytes, written.size_bytes)


@pytest.mark.parametrize("kind", TREES)
def test_contents_are_told_every_few_megabytes(
    made: dict[str, Tree], tmp_path: Path, kind: str
) -> None:
    tree, steps = made[kind], Steps()
    write_ext4(tree, tmp_path / "image", progress=steps)
    told = [done for done, _ in steps.of("contents")]
    gaps = [second - first for first, second in pairwise(told)]
    holes = 50 * MIB if kind == "sparse" else 0
    assert max(gaps) <= 8 * MIB + holes
    assert sorted(gaps)[1] >= 2 * MIB  # all but the last: not for every file


def test_same_bytes_with_and_without(tmp_path: Path) -> None:
    tree = from_memory(tmp_path)
    write_ext4(tree, tmp_path / "first")
    write_ext4(tree, tmp_path / "second", progress=Steps(), cancelled=lambda: False)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_what_is_stored_already_is_not_counted(tmp_path: Path) -> None:
    steps = Steps()
    with Ext4Writer(tmp_path / "image") as writer:
        place = writer.store.allocate(5)
        writer.store.place(b"hello", [(place, 0, 0, 5)])
        tree = Tree()
        tree.add("/stored", File(PLAIN, 5, place))
        tree.add("/added", File.of(b"123"))
        writer.commit(tree, progress=steps)
    assert steps.of("contents") == [(0, 3), (3, 3)]


def test_hashes_are_a_phase(tmp_path: Path) -> None:
    steps = Steps()
    options = Options(profile="readonly", verity=VerityOptions())
    tree = Tree()
    tree.add("/file", File.of(bytes(range(256)) * 4 * 1024 * 80))
    write_ext4(tree, tmp_path / "image", options, progress=steps)
    assert steps.phases == ["contents", "metadata", "hashes", "sync"]
    told = [done for done, _ in steps.of("hashes")]
    assert len(told) > 3
    assert told == sorted(told)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def step_of(phase: str, number: int) -> Callable[[str, int, int], None]:
    """Return a progress that fails at a call of a phase."""
    calls = []

    def progress(now: str, _done: int, _total: int) -> None:
        calls.append(now)
        if calls.count(phase) > number:
            raise InterruptedError

    return progress


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize(
    ("phase", "number"),
    [("contents", 0), ("contents", 2), ("metadata", 0), ("sync", 0), ("sync", 1)],
)
def test_what_progress_raises_ends_it(
    made: dict[str, Tree], tmp_path: Path, kind: str, phase: str, number: int
) -> None:
    tree = made[kind]
    (tmp_path / "image").write_bytes(b"old")
    with pytest.raises(InterruptedError):
        write_ext4(tree, tmp_path / "image", progress=step_of(phase, number))
    assert left(tmp_path) == ["image"]
    assert (tmp_path / "image").read_bytes() == b"old"
    assert [thread.name for thread in threading.enumerate() if "pyext4" in thread.name] == []


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("asked", [0, 1, 3])
def test_cancelled(made: dict[str, Tree], tmp_path: Path, kind: str, asked: int) -> None:
    tree = made[kind]
    answers = iter([False] * asked)
    with pytest.raises(CancelledError, match=r"^the writing was cancelled$"):
        write_ext4(tree, tmp_path / "image", cancelled=lambda: next(answers, True))
    assert left(tmp_path) == []


def test_cancelled_while_hashing(tmp_path: Path) -> None:
    phases = Steps()
    options = Options(profile="readonly", verity=VerityOptions())
    with pytest.raises(CancelledError):
        write_ext4(
            from_memory(tmp_path),
            tmp_path / "image",
            options,
            progress=phases,
            cancelled=lambda: "hashes" in phases.phases,
        )
    assert left(tmp_path) == []


def test_cancelled_while_syncing(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"old")
    steps = Steps()
    with pytest.raises(CancelledError):
        write_ext4(
            Tree(),
            tmp_path / "image",
            progress=steps,
            cancelled=lambda: len(steps.of("sync")) > 0,
        )
    assert len(steps.of("sync")) == 1
    assert left(tmp_path) == ["image"]
    assert (tmp_path / "image").read_bytes() == b"old"


def test_cancelled_by_another_thread(tmp_path: Path) -> None:
    """Four images at once, all ended by one event."""
    stop, begun = threading.Event(), threading.Barrier(5)

    def progress(phase: str, done_bytes: int, _total: int) -> None:
        if phase == "contents" and done_bytes == 0:
            begun.wait(10)
            stop.wait(10)

    def write(number: int) -> Written:
        image = tmp_path / f"{number}"
        return write_ext4(tree, image, progress=progress, cancelled=stop.is_set)

    tree = from_memory(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(write, number) for number in range(4)]
        begun.wait(10)
        stop.set()
        for run in runs:
            with pytest.raises(CancelledError):
                run.result(10)
    assert left(tmp_path) == []


def test_cancelled_by_a_task_of_asyncio(made: dict[str, Tree], tmp_path: Path) -> None:
    """As the docstring of `write_ext4` has it."""
    stop, begun, ended = threading.Event(), threading.Event(), threading.Event()

    def cancelled() -> bool:
        begun.set()
        ended.wait(10)
        return stop.is_set()

    async def write() -> None:
        try:
            image = tmp_path / "image"
            await asyncio.to_thread(write_ext4, made["memory"], image, cancelled=cancelled)
        except asyncio.CancelledError:
            stop.set()
            ended.set()
            raise

    async def main() -> None:
        task = asyncio.create_task(write())
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())  # which waits for the thread
    assert left(tmp_path) == []


def test_threads_share_a_tree(made: dict[str, Tree], tmp_path: Path) -> None:
    tree = made["small"]
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda number: write_ext4(tree, tmp_path / f"{number}"), range(4)):
            pass
    images = [(tmp_path / f"{number}").read_bytes() for number in range(4)]
    assert images[1:] == images[:1] * 3
    with open_ext4(tmp_path / "0") as image:
        assert image.verify() == []


def test_threads_share_an_open_image(made: dict[str, Tree], tmp_path: Path) -> None:
    write_ext4(made["large"], tmp_path / "source")
    with open_ext4(tmp_path / "source") as image, ThreadPoolExecutor(4) as pool:
        tree = image.to_tree()
        for _ in pool.map(lambda number: write_ext4(tree, tmp_path / f"{number}"), range(4)):
            pass
    images = [(tmp_path / f"{number}").read_bytes() for number in range(4)]
    assert images[1:] == images[:1] * 3
    with open_ext4(tmp_path / "0") as copy:
        assert copy.read("/file") == b"x" * 20 * MIB


def test_type_errors_of_callbacks_are_their_own(tmp_path: Path) -> None:
    def progress(*_: object) -> NoReturn:
        msg = "mine"
        raise TypeError(msg)

    with pytest.raises(TypeError, match=r"^mine$"):
        write_ext4(Tree(), tmp_path / "image", progress=progress)
    assert left(tmp_path) == []
