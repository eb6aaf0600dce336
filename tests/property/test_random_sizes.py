"""Filesystems of awkward sizes: exact if asked for, or an error with a size that works."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pyext4 import Directory, DoesNotFitError, File, Metadata, Options, Tree, open_ext4, write_ext4
from tests.oracle_tools import need
from tests.property.tree_judges import e2fsck_is_silent, reader_gives_the_tree_back

EXAMPLES = int(os.environ.get("PYEXT4_EXAMPLES", "300")) // 3


def tree_of(count: int, size: int) -> Tree:
    files = {
        b"%d" % number: File(Metadata(mode=0o644), size, bytes([number % 251]) * size)
        for number in range(count)
    }
    return Tree(
        Directory(Metadata(mode=0o755), {b"files": Directory(Metadata(mode=0o755), {**files})})
    )


def size_that_does(tree: Tree, image: Path, how: Options) -> int:
    """Return the size that was asked for, or the larger one that the error names."""
    assert how.size_bytes
    image.unlink(missing_ok=True)
    try:
        write_ext4(tree, image, how)
    except DoesNotFitError as error:
        size_bytes = error.needed_bytes
        assert not image.exists()
        assert size_bytes > how.size_bytes
        return size_bytes
    return how.size_bytes


# near the borders of groups too: 8 * block size blocks, of which a last one may have a few
sizes = st.one_of(
    st.integers(1, 40 << 20),
    st.builds(
        lambda groups, block_size, blocks: max(1, (groups * 8 * block_size + blocks) * block_size),
        st.integers(1, 9),
        st.sampled_from([1024, 2048, 4096]),
        st.integers(-5, 700),
    ),
)


@pytest.mark.oracle
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    count=st.integers(0, 60),
    size=st.sampled_from([0, 1, 1000, 5000, 70_000]),
    size_bytes=sizes,
    how=st.builds(
        Options,
        block_size_bytes=st.sampled_from([1024, 2048, 4096]),
        features=st.sampled_from(
            [
                (),
                ("^has_journal",),
                ("^resize_inode",),
                ("^metadata_csum", "uninit_bg"),
                ("^64bit",),
            ]
        ),
        inodes=st.sampled_from([None, 1, 5000, 100_000]),
        journal_bytes=st.sampled_from([None, 1 << 20, 4 << 20, 16 << 20]),
        reserved_percent=st.sampled_from([0.0, 5.0, 50.0]),
    ),
)
def test_exact_size(count: int, size: int, size_bytes: int, how: Options, tmp_path: Path) -> None:
    need("e2fsck", "debugfs")
    assume(how.journal_bytes is None or how.journal_bytes >= 1024 * how.block_size_bytes)
    assume(how.journal_bytes is None or "^has_journal" not in how.features)
    image = tmp_path / "sized.ext4"
    tree = tree_of(count, size)
    size_bytes = size_that_does(tree, image, replace(how, size_bytes=size_bytes))
    written = write_ext4(tree, image, replace(how, size_bytes=size_bytes))
    assert written.size_bytes == image.stat().st_size == size_bytes
    e2fsck_is_silent(image)
    reader_gives_the_tree_back(image, tree)


@pytest.mark.parametrize("free_bytes", [0, 1, 1 << 20, None])
@pytest.mark.parametrize("block_size", [1024, 4096])
@pytest.mark.parametrize("features", [("^resize_inode",), ("^resize_inode", "^has_journal"), ()])
def test_size_is_found_however_little_was_expected(
    features: tuple[str, ...], block_size: int, free_bytes: int | None, tmp_path: Path
) -> None:
    how = Options(features=features, block_size_bytes=block_size, free_bytes=free_bytes)
    written = write_ext4(tree_of(300, 0), tmp_path / "sized.ext4", how)
    assert written.free_blocks_count * block_size >= (
        64 << 20 if free_bytes is None else free_bytes
    )
    with open_ext4(tmp_path / "sized.ext4") as reader:
        assert reader.verify() == []


def test_last_group_left_out_takes_its_block_of_descriptors_along(tmp_path: Path) -> None:
    # 17 groups need two blocks of descriptors, the 16 that are worth having one
    size_bytes = (16 * 8192 + 4) * 1024
    how = Options(block_size_bytes=1024, size_bytes=size_bytes)
    written = write_ext4(tree_of(3, 10), tmp_path / "sized.ext4", how)
    assert (written.size_bytes, written.blocks_count) == (size_bytes, 16 * 8192 + 1)
    with open_ext4(tmp_path / "sized.ext4") as reader:
        assert reader.layout.fields["s_reserved_gdt_blocks"] == 256
        assert reader.verify() == []
