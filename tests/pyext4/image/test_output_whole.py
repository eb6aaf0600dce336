"""An image appears whole or not at all, and an existing file stays until then."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from pyext4 import ContentError, DoesNotFitError, Ext4Writer, File, Options, Tree, write_ext4
from pyext4.tree import Content
from tests.pyext4.small_trees import PLAIN, file_of, tree_of

LARGE = 3 << 20  # more than is gathered before writing


def holding(size: int, content: Content) -> Tree:
    return tree_of(it=File(PLAIN, size, content))


def opener(data: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(data)


def host_file(folder: Path, data: bytes) -> Path:
    path = folder / "source"
    path.write_bytes(data)
    return path


WRONG: dict[str, tuple[int, int, str]] = {
    "longer_by_1": (10, 11, "its content is longer, but its size is: 10"),
    "shorter_by_1": (10, 9, "its content ends at 9, but its size is: 10"),
    "empty": (10, 0, "its content ends at 0, but its size is: 10"),
    "not_empty": (0, 1, "its content is longer, but its size is: 0"),
    "large_longer_by_1": (LARGE, LARGE + 1, f"its content is longer, but its size is: {LARGE}"),
    "large_shorter_by_1": (LARGE, LARGE - 1, f"its content ends at {LARGE - 1}, but"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("kind", ["bytes", "path", "callable"])
def test_content_of_another_size(case: str, kind: str, tmp_path: Path) -> None:
    size, actual, reason = WRONG[case]
    data = b"d" * actual
    contents: dict[str, Content] = {
        "bytes": data,
        "path": host_file(tmp_path, data),
        "callable": opener(data),
    }
    with pytest.raises(ContentError) as caught:
        write_ext4(holding(size, contents[kind]), tmp_path / "image.ext4")
    assert caught.value.path == b"/it"
    assert reason in caught.value.reason
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def fails_to_open() -> BinaryIO:
    raise PermissionError(13, "not for you")


FAILURES: dict[str, tuple[Tree, Options | None, type[Exception]]] = {
    "content_that_cannot_be_opened": (holding(5, fails_to_open), None, PermissionError),
    "host_file_that_is_gone": (holding(5, Path("/no/such/file")), None, FileNotFoundError),
    "too_small": (holding(5, b"abcde"), Options(size_bytes=1), DoesNotFitError),
    "bad_name": (Tree(), Options(features=("^has_journal",)), ContentError),
}
FAILURES["bad_name"][0].root.children[b"a/b"] = file_of(b"")


@pytest.mark.parametrize("case", FAILURES)
def test_failure_leaves_what_was_there_and_nothing_else(case: str, tmp_path: Path) -> None:
    tree, options, kind = FAILURES[case]
    image = tmp_path / "image.ext4"
    image.write_bytes(b"precious")
    with pytest.raises(kind):
        write_ext4(tree, image, options)
    assert image.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [image]


def test_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupt() -> BinaryIO:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_ext4(holding(5, interrupt), tmp_path / "image.ext4")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_seen_before_commit(tmp_path: Path) -> None:
    image = tmp_path / "image.ext4"
    with Ext4Writer(image) as writer:
        assert not image.exists()
        writer.commit(Tree())
        assert image.exists()
    assert list(tmp_path.iterdir()) == [image]


def test_without_commit_nothing_stays(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "image.ext4"):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_commit_outside_the_block(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="commit outside the with block"):
        Ext4Writer(tmp_path / "image.ext4").commit(Tree())


def test_existing_target_is_replaced(tmp_path: Path) -> None:
    image = tmp_path / "image.ext4"
    image.write_bytes(b"old")
    written = write_ext4(Tree(), image)
    assert image.stat().st_size == written.size_bytes


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_mode_is_by_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_ext4(Tree(), tmp_path / "image.ext4")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "image.ext4").stat().st_mode) == 0o666 & ~mask


def test_name_255(tmp_path: Path) -> None:
    image = tmp_path / ("n" * 250 + ".ext4")
    write_ext4(Tree(), image)
    assert list(tmp_path.iterdir()) == [image]


def test_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_ext4(Tree(), tmp_path / "missing/image.ext4")


def test_what_is_no_regular_file_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(FileExistsError, match="not a regular file"):
            write_ext4(Tree(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    assert (tmp_path / "pipe").is_fifo()
