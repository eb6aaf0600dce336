"""Options out of range, and features that can't be made, are refused by name."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from pyext4 import Options, OptionsError, Tree
from pyext4.structures.feature_sets import DEFAULT, resolve
from tests.pyext4.small_trees import file_of, tree_of, write

MIB = 1 << 20
BAD: dict[str, tuple[Options, str]] = {
    "block_size_512": (Options(block_size_bytes=512), "block size: must be 1024, 2048 or 4096"),
    "block_size_8192": (Options(block_size_bytes=8192), "block size: must be 1024, 2048 or 4096"),
    "label_17": (Options(label=b"l" * 17), "label: must be up to 16 bytes"),
    "label_nul": (Options(label=b"a\0b"), "label: must be up to 16 bytes without NUL"),
    "size_0": (Options(size_bytes=0), "size: must be 1 or more, not: 0"),
    "size_negative": (Options(size_bytes=-5), "size: must be 1 or more, not: -5"),
    "free_negative": (Options(free_bytes=-1), "free: must be 0 or more, not: -1"),
    "inodes_0": (Options(inodes=0), "inodes: must be 1 or more, not: 0"),
    "ratio_0": (Options(bytes_per_inode=0), "bytes per inode: must be 1 or more, not: 0"),
    "timestamp_negative": (Options(timestamp=-1), "timestamp: must be 0 to 15032385535, not: -1"),
    "timestamp_2446": (Options(timestamp=15032385536), "timestamp: must be 0 to 15032385535"),
    "reserved_51": (Options(reserved_percent=51), "reserved: must be 0 to 50 percent, not: 51"),
    "reserved_negative": (Options(reserved_percent=-1), "reserved: must be 0 to 50 percent"),
    "journal_small": (
        Options(journal_bytes=4 * MIB - 1),
        "journal size: a journal has 4 MiB to 39.1 GiB",
    ),
    "journal_large": (
        Options(journal_bytes=1 << 50),
        "journal size: a journal has 4 MiB to 39.1 GiB",
    ),
    "smallest_of_a_size": (Options(smallest=True, size_bytes=MIB), "smallest can't be combined"),
    "smallest_with_free": (Options(smallest=True, free_bytes=MIB), "smallest can't be combined"),
}


@pytest.mark.parametrize("case", BAD)
def test_out_of_range(case: str, tmp_path: Path) -> None:
    options, message = BAD[case]
    with pytest.raises(OptionsError) as caught:
        write(Tree(), tmp_path, options)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        Options(label=b"l" * 16),
        Options(timestamp=15032385535),
        Options(reserved_percent=50),
        Options(journal_bytes=4 * MIB),
        Options(smallest=True, free_bytes=0),
        Options(size_bytes=8 * MIB + 1),
    ],
)
def test_at_the_end_of_its_range(options: Options, tmp_path: Path) -> None:
    write(Tree(), tmp_path, options)


@pytest.mark.parametrize(
    "name",
    [
        "bigalloc", "casefold", "encrypt", "mmp", "quota", "project", "verity", "stable_inodes",
        "meta_bg", "journal_dev", "sparse_super2", "large_dir", "fast_commit",
    ],
)  # fmt: skip
def test_features_that_are_not_made(name: str) -> None:
    with pytest.raises(OptionsError) as caught:
        resolve("default", (name,))
    assert str(caught.value) == f"features: can't be made: {name}"


@pytest.mark.parametrize("name", ["no_such", "", "METADATA_CSUM", "^^extent"])
def test_features_that_nobody_knows(name: str) -> None:
    with pytest.raises(OptionsError, match="features: unknown feature: "):
        resolve("default", (name,))


@pytest.mark.parametrize(
    "name",
    ["ext_attr", "filetype", "extent", "flex_bg", "sparse_super", "large_file", "extra_isize"],
)
def test_features_that_stay(name: str) -> None:
    with pytest.raises(OptionsError) as caught:
        resolve("default", (f"^{name}",))
    assert str(caught.value) == f"features: can't be left out: {name}"


@pytest.mark.parametrize(
    ("changes", "name", "needed"),
    [
        (("metadata_csum_seed", "^metadata_csum"), "metadata_csum_seed", "metadata_csum"),
        (("orphan_file", "^has_journal"), "orphan_file", "has_journal"),
    ],
)
def test_features_that_need_another(changes: tuple[str, ...], name: str, needed: str) -> None:
    with pytest.raises(OptionsError) as caught:
        resolve("default", changes)
    assert str(caught.value) == f"features: {name} needs: {needed}"


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert resolve("default", ("^bigalloc", "^orphan_file")) == DEFAULT


def test_metadata_csum_replaces_uninit_bg() -> None:
    assert resolve("compat", ("metadata_csum",)) == DEFAULT - {"64bit"}


def test_ea_inode_is_there_only_where_a_value_needs_it(tmp_path: Path) -> None:
    assert "ea_inode" not in write(tree_of(it=file_of(b"x")), tmp_path).features


def test_uuid_that_was_given(tmp_path: Path) -> None:
    given = UUID("01234567-89ab-4cde-8f01-23456789abcd")
    assert write(Tree(), tmp_path, Options(uuid=given)).uuid == given
