"""What an inode can't hold gives an error with the path; what it just holds is written."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from pyext4 import ContentError, Device, Directory, File, Metadata, Options, Symlink
from pyext4.tree import Node
from tests.pyext4.small_trees import PLAIN, tree_of, write

LARGEST = 0xFFFFFFFF * 4096


def device(major: int, minor: int) -> Device:
    return Device(PLAIN, stat.S_IFCHR, major, minor)


REFUSED: dict[str, tuple[Node, str]] = {
    "mode_10000": (File(Metadata(mode=0o10000)), "mode must be 0 to 4095, not: 4096"),
    "mode_negative": (File(Metadata(mode=-1)), "mode must be 0 to 4095, not: -1"),
    "uid_2_32": (File(replace(PLAIN, uid=1 << 32)), "uid must be 0 to 4294967295, not: 4294967296"),
    "uid_negative": (File(replace(PLAIN, uid=-2)), "uid must be 0 to 4294967295, not: -2"),
    "gid_2_32": (File(replace(PLAIN, gid=1 << 32)), "gid must be 0 to 4294967295, not: 4294967296"),
    "major_4096": (device(4096, 0), "major must be 0 to 4095, not: 4096"),
    "minor_2_20": (device(1, 1 << 20), "minor must be 0 to 1048575, not: 1048576"),
    "major_negative": (device(-1, 0), "major must be 0 to 4095, not: -1"),
    "size_negative": (File(PLAIN, -1), f"size must be 0 to {LARGEST}, not: -1"),
    "size_16_TiB": (File(PLAIN, 1 << 44), f"size must be 0 to {LARGEST}, not: {1 << 44}"),
    "target_empty": (Symlink(PLAIN, b""), "target must be 1 to 4095 bytes, not: 0"),
    "target_4096": (Symlink(PLAIN, b"t" * 4096), "target must be 1 to 4095 bytes, not: 4096"),
    "target_nul": (Symlink(PLAIN, b"a\0b"), "a link's target can't contain a NUL: b'a\\x00b'"),
    "time_1901": (
        File(replace(PLAIN, mtime_ns=-(1 << 31) * 10**9 - 1)),
        "ext4 holds times from 1901 to 2446",
    ),
    "time_2446": (
        File(replace(PLAIN, crtime_ns=((1 << 34) - (1 << 31)) * 10**9)),
        "ext4 holds times from 1901 to 2446",
    ),
    "time_2_64": (File(replace(PLAIN, atime_ns=1 << 64)), "ext4 holds times from 1901 to 2446"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    node, reason = REFUSED[case]
    with pytest.raises(ContentError) as caught:
        write(tree_of(it=node), tmp_path)
    assert caught.value.path == b"/it"
    assert reason in caught.value.reason
    assert list(tmp_path.iterdir()) == []


HELD: dict[str, Node] = {
    "mode_7777": File(Metadata(mode=0o7777)),
    "uid_2_32_less_1": File(replace(PLAIN, uid=0xFFFFFFFF, gid=0xFFFFFFFF)),
    "major_4095_minor_2_20_less_1": device(4095, (1 << 20) - 1),
    "target_4095": Symlink(PLAIN, b"t" * 4095),
    "time_1901": File(replace(PLAIN, mtime_ns=-(1 << 31) * 10**9)),
    "time_2446": File(replace(PLAIN, mtime_ns=((1 << 34) - (1 << 31)) * 10**9 - 1)),
}


@pytest.mark.parametrize("case", HELD)
def test_held(case: str, tmp_path: Path) -> None:
    write(tree_of(it=HELD[case]), tmp_path)


@pytest.mark.parametrize("block_size", [1024, 2048])
def test_target_is_shorter_than_a_block(block_size: int, tmp_path: Path) -> None:
    options = Options(block_size_bytes=block_size)
    write(tree_of(it=Symlink(PLAIN, b"t" * (block_size - 1))), tmp_path, options)
    with pytest.raises(ContentError, match=rf"1 to {block_size - 1} bytes, not: {block_size}"):
        write(tree_of(it=Symlink(PLAIN, b"t" * block_size)), tmp_path, options)


def parent_of(directories: int) -> Directory:
    return Directory(PLAIN, {b"%d" % n: Directory(PLAIN) for n in range(directories)})


def test_without_dir_nlink_64998_directories(tmp_path: Path) -> None:
    write(tree_of(it=parent_of(64_998)), tmp_path, Options(features=("^dir_nlink",)))


def test_without_dir_nlink_64999_directories(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"^/it: without dir_nlink .* at most 64998 directories"):
        write(tree_of(it=parent_of(64_999)), tmp_path, Options(features=("^dir_nlink",)))
