"""Test the judges: a judge that never finds a fault is useless."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.oracle.judges import complaints, features
from tests.oracle.snapshot import differences, snapshot
from tests.oracle_tools import need, need_root


@pytest.fixture
def image(tmp_path: Path) -> Path:
    need("mke2fs")
    path = tmp_path / "image.ext4"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", str(path), "16M"], check=True)
    return path


@pytest.mark.oracle
def test_e2fsck_is_silent_about_a_good_image(image: Path) -> None:
    assert complaints(image) == []


@pytest.mark.oracle
def test_e2fsck_complains_of_a_damaged_bitmap(image: Path) -> None:
    subprocess.run(["debugfs", "-w", "-R", "setb 3000", str(image)], check=True)
    assert any("Block bitmap differences" in line for line in complaints(image))


@pytest.mark.oracle
def test_features_are_read(image: Path) -> None:
    subprocess.run(["tune2fs", "-O", "^has_journal", str(image)], check=True)
    found = features(image)
    assert {"extent", "metadata_csum", "resize_inode"} <= found
    assert "has_journal" not in found


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    pair = tmp_path / "a", tmp_path / "b"
    for root in pair:
        root.mkdir()
        (root / "file").write_text("content")
        (root / "other").write_text("content")
        (root / "link").symlink_to("file")
        for path in (root / "file", root / "other", root / "link", root):
            os.utime(path, ns=(0, 5), follow_symlinks=False)
    return pair


def test_equal_trees_have_no_differences(trees: tuple[Path, Path]) -> None:
    assert differences(snapshot(trees[0]), snapshot(trees[1])) == []


def change_nothing_but(root: Path, fact: str) -> None:
    """Make `root` differ in one fact of `file`, or of the path that can have it."""
    path = root / "file"
    if fact == "mode":
        path.chmod(0o4755)
    elif fact == "mtime_ns":
        os.utime(path, ns=(0, 6))
    elif fact == "sha256":
        path.write_text("CONTENT")
        os.utime(path, ns=(0, 5))
    elif fact == "target":
        (root / "link").unlink()
        (root / "link").symlink_to("fill")
        os.utime(root / "link", ns=(0, 5), follow_symlinks=False)
    elif fact == "xattrs":
        os.setxattr(path, "user.name", b"value")
    elif fact == "same_file_as":
        (root / "other").unlink()
        (root / "other").hardlink_to(path)
    os.utime(root, ns=(0, 5))


@pytest.mark.parametrize("fact", ["mode", "mtime_ns", "sha256", "target", "xattrs", "same_file_as"])
def test_a_difference_is_named(trees: tuple[Path, Path], fact: str) -> None:
    change_nothing_but(trees[1], fact)
    lines = differences(snapshot(trees[0]), snapshot(trees[1]))
    assert any(f": {fact}: expected " in line for line in lines)
    assert {line.split(": ")[1] for line in lines} <= {fact, "links", "size_bytes"}


def test_missing_and_added_paths_are_named(trees: tuple[Path, Path]) -> None:
    (trees[1] / "file").rename(trees[1] / "renamed")
    os.utime(trees[1], ns=(0, 5))
    lines = differences(snapshot(trees[0]), snapshot(trees[1]))
    assert lines == ["file: missing", "renamed: not expected"]


@pytest.mark.oracle
def test_owners_and_devices_are_told(trees: tuple[Path, Path]) -> None:
    need_root()
    for root, minor in zip(trees, (1, 2), strict=True):
        os.mknod(root / "device", 0o20600, os.makedev(1, minor))
        os.utime(root / "device", ns=(0, 5))
        os.chown(root / "other", minor, 70_000)
        os.utime(root, ns=(0, 5))
    lines = differences(snapshot(trees[0]), snapshot(trees[1]))
    assert lines == [
        "device: device: expected (1, 1), is (1, 2)",
        "other: uid: expected 1, is 2",
    ]
