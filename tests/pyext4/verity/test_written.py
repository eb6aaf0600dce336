"""Filesystems with hashes from the writer: whole and checked, or absent."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pyext4 import (
    Ext4Writer,
    Options,
    OptionsError,
    RootHashError,
    Tree,
    VerityOptions,
    write_ext4,
)
from tests.pyext4.small_trees import file_of, tree_of
from tests.pyext4.verity.hash_areas import hash_area

TREE = tree_of(hello=file_of(b"hello\n" * 1000), empty=file_of(b""))
READONLY = Options(profile="readonly", verity=VerityOptions(salt=b"salty"))


def test_area_stands_behind_the_same_filesystem(tmp_path: Path) -> None:
    plain = write_ext4(TREE, tmp_path / "plain", replace(READONLY, verity=None))
    written = write_ext4(TREE, tmp_path / "hashed", READONLY)
    data = (tmp_path / "plain").read_bytes()
    root_hash, area = hash_area(data, b"salty", written.uuid, 4096)
    assert (tmp_path / "hashed").read_bytes() == data + area
    assert plain.verity is None
    assert written.verity is not None
    assert written.verity.root_hash == root_hash
    assert written.verity.hash_offset == plain.size_bytes
    assert written.size_bytes == len(data) + len(area)


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_data_blocks_are_the_filesystem_s(block_size: int, tmp_path: Path) -> None:
    options = replace(READONLY, block_size_bytes=block_size)
    verity = write_ext4(TREE, tmp_path / "image", options).verity
    assert verity is not None
    assert verity.data_block_bytes == block_size


def test_exact_size_that_is_no_multiple(tmp_path: Path) -> None:
    options = replace(READONLY, size_bytes=(4 << 20) + 1234)
    verity = write_ext4(TREE, tmp_path / "image", options).verity
    assert verity is not None
    assert verity.hash_offset == (4 << 20) + 4096


def test_equal_from_run_to_run(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_ext4(TREE, tmp_path / name, replace(READONLY, verity=VerityOptions()))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_salt_is_derived_from_the_uuid(tmp_path: Path) -> None:
    options = replace(READONLY, verity=VerityOptions())
    first = write_ext4(TREE, tmp_path / "first", options).verity
    second = write_ext4(tree_of(other=file_of(b"")), tmp_path / "second", options).verity
    assert first is not None
    assert second is not None
    assert len(first.salt) == len(second.salt) == 32
    assert first.salt != second.salt


def test_expected_root_hash(tmp_path: Path) -> None:
    first = write_ext4(TREE, tmp_path / "image", READONLY).verity
    assert first is not None
    verity = VerityOptions(salt=b"salty", root_hash=first.root_hash)
    written = write_ext4(TREE, tmp_path / "image", replace(READONLY, verity=verity))
    assert written.verity == first


def test_another_root_hash_is_not_published(tmp_path: Path) -> None:
    image = tmp_path / "image"
    actual = write_ext4(TREE, image, READONLY).verity
    assert actual is not None
    image.write_bytes(b"precious")
    verity = VerityOptions(salt=b"salty", root_hash=bytes(32))
    with pytest.raises(RootHashError) as caught:
        write_ext4(TREE, image, replace(READONLY, verity=verity))
    assert str(caught.value) == (
        f"the root hash must be {'00' * 32}, but it is: {actual.root_hash.hex()}"
    )
    assert image.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [image]


def test_failure_while_hashing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def preadv(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with Ext4Writer(tmp_path / "image", READONLY) as writer:
        monkeypatch.setattr(os, "preadv", preadv)
        with pytest.raises(OSError, match="Input/output error"):
            writer.commit(TREE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (Options(), "has_journal, resize_inode"),
        (Options(profile="compat"), "has_journal, resize_inode"),
        (Options(features=("^has_journal",)), "resize_inode"),
        (Options(profile="readonly", features=("has_journal",)), "has_journal"),
    ],
)
def test_filesystems_to_write_to_are_refused(
    options: Options, missing: str, tmp_path: Path
) -> None:
    with pytest.raises(OptionsError) as caught:
        write_ext4(Tree(), tmp_path / "image", replace(options, verity=VerityOptions()))
    assert str(caught.value) == (
        "verity: the kernel refuses every write to a device with hashes, so use the profile"
        f" readonly, or remove: {missing}"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_features_count_not_the_profile(tmp_path: Path) -> None:
    options = Options(features=("^has_journal", "^resize_inode"), verity=VerityOptions())
    assert write_ext4(Tree(), tmp_path / "image", options).verity is not None


@pytest.mark.parametrize(
    ("verity", "message"),
    [
        (VerityOptions(salt=bytes(257)), "verity salt: must be up to 256 bytes, not: 257"),
        (VerityOptions(root_hash=bytes(31)), "verity root hash: must be 32 bytes, not: 31"),
        (VerityOptions(root_hash=b""), "verity root hash: must be 32 bytes, not: 0"),
    ],
)
def test_values_refused_before_any_work(verity: VerityOptions, message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        Ext4Writer("/no/such/place", replace(READONLY, verity=verity))
    assert str(caught.value) == message
