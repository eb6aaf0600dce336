"""Shapes of filesystems, from the smallest to over 16 TiB, judged by e2fsck, kernel, dumpe2fs."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyext4 import DoesNotFitError, Ext4Writer, File, Metadata, Options, Tree, write_ext4
from tests.oracle.filesystem_cases import directory, plain
from tests.oracle.geometry_cases import SHAPES, TIMESTAMP, Shape, sample_tree, timed
from tests.oracle.judges import complaints, features
from tests.oracle.mounted import mounted
from tests.oracle.tree_facts import differences, told_by_kernel, told_by_tree
from tests.oracle_tools import need, need_file

pytestmark = pytest.mark.oracle

LOST_AND_FOUND = Metadata(mode=0o700, mtime_ns=TIMESTAMP * 10**9)


def shown(image: Path) -> dict[str, str]:
    need("dumpe2fs")
    done = subprocess.run(
        ["dumpe2fs", "-h", str(image)], check=True, capture_output=True, text=True
    )
    return dict(re.findall(r"^([^:]+): +(.*)$", done.stdout, re.MULTILINE))


def judge(image: Path, tree: Tree, place: Path) -> None:
    assert complaints(image) == []
    with mounted(image, place) as root:
        told = told_by_kernel(root)
    assert differences(told_by_tree(tree, LOST_AND_FOUND, {}), told)[:20] == []


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str, tmp_path: Path) -> None:
    shape: Shape = SHAPES[name]
    image, tree = tmp_path / "image.ext4", sample_tree()
    written = write_ext4(tree, image, shape.options)
    judge(image, tree, tmp_path / "mnt")
    lines = shown(image)
    assert {key: lines[key] for key in shape.shown} == shape.shown
    assert set(written.features) == features(image)
    if shape.features is not None:
        assert features(image) == shape.features
    assert lines["Block count"] == str(written.blocks_count)
    assert lines["Free blocks"] == str(written.free_blocks_count)
    assert lines["Inode count"] == str(written.inodes_count)
    assert lines["Free inodes"] == str(written.free_inodes_count)
    assert lines["Filesystem UUID"] == str(written.uuid)
    assert (
        image.stat().st_size
        == written.size_bytes
        == (shape.options.size_bytes or written.blocks_count * written.block_size_bytes)
    )


def lengths(block_size: int) -> Iterator[int]:
    """Yield sizes in blocks that give last groups of every awkward length."""
    per_group, first = 8 * block_size, block_size == 1024
    for groups in (2, 3, 4, 5):  # groups 1, 3 begin with copies, 2 and 4 don't
        border = first + groups * per_group
        yield from range(border - 3, border + 4)
        yield from range(border + 4, border + 700, 29)
    yield from range(first + 2 * per_group + 300, first + 2 * per_group + 330)


@pytest.mark.parametrize("block_size", [1024, 4096])
def test_last_groups_of_every_length(block_size: int, tmp_path: Path) -> None:
    image, tree = tmp_path / "image.ext4", Tree(directory({b"file": plain(b"content")}))
    group_counts = set()
    for blocks in lengths(block_size):
        options = timed(size_bytes=blocks * block_size, block_size_bytes=block_size)
        written = write_ext4(tree, image, options)
        group_counts.add(-(-written.blocks_count // (8 * block_size)))
        # what is left out at the end is less than a group's own blocks and mke2fs's 50
        assert blocks - 900 < written.blocks_count <= blocks
        assert complaints(image) == [], blocks
    assert group_counts >= {2, 3, 4, 5}


@pytest.mark.parametrize("free_mib", range(120, 136, 5))
def test_sizes_chosen_around_a_border_of_groups(free_mib: int, tmp_path: Path) -> None:
    image, tree = tmp_path / "image.ext4", sample_tree()
    written = write_ext4(tree, image, timed(free_bytes=free_mib << 20))
    assert written.free_blocks_count * 4096 >= free_mib << 20
    assert complaints(image) == []


CONTENTS = {
    "nothing": Tree(directory({})),
    "sample": sample_tree(),
    "3000_files": Tree(directory({b"%d" % n: plain(b"x") for n in range(3000)})),
    "30_mib": Tree(directory({b"%d" % n: plain(b"x" * 300_000) for n in range(100)})),
}
SIZERS = {
    "default": timed(),
    "1k": timed(block_size_bytes=1024),
    "2k_reserved": timed(block_size_bytes=2048, reserved_percent=5),
    "no_journal": timed(features=("^has_journal",)),
    "readonly": timed(profile="readonly"),
    "compat": timed(profile="compat"),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("sizer", SIZERS)
def test_size_that_the_error_names_works(content: str, sizer: str, tmp_path: Path) -> None:
    image, tree, options = tmp_path / "image.ext4", CONTENTS[content], SIZERS[sizer]
    with pytest.raises(DoesNotFitError) as caught:
        write_ext4(tree, image, with_size(options, 16_384))
    needed = caught.value.needed_bytes
    write_ext4(tree, image, with_size(options, needed))
    assert image.stat().st_size == needed
    judge(image, tree, tmp_path / "mnt")


@pytest.mark.parametrize("gib", [3, 40])
@pytest.mark.parametrize("sizer", ["default", "1k", "no_journal", "readonly"])
def test_size_that_the_error_names_works_for_large_content(
    gib: int, sizer: str, tmp_path: Path
) -> None:
    """Nothing is written of the content: its blocks are counted, and read as zero."""

    def write(size_bytes: int) -> None:
        with Ext4Writer(image, with_size(SIZERS[sizer], size_bytes)) as writer:
            file = File(Metadata(mode=0o644), gib << 30, writer.store.allocate(gib << 30))
            writer.commit(Tree(directory({b"large": file})))

    image = tmp_path / "image.ext4"
    with pytest.raises(DoesNotFitError) as caught:
        write(100 << 20)
    write(caught.value.needed_bytes)
    assert complaints(image) == []


def with_size(options: Options, size_bytes: int) -> Options:
    return Options(
        size_bytes=size_bytes,
        timestamp=TIMESTAMP,
        block_size_bytes=options.block_size_bytes,
        features=options.features,
        profile=options.profile,
        reserved_percent=options.reserved_percent,
    )


@pytest.mark.slow
def test_over_16_tib(tmp_path: Path) -> None:
    """An image of 17 TiB, on a filesystem that has files so large: tmpfs."""
    host = Path("/dev/shm")
    need_file(host, "a mounted tmpfs")
    folder = Path(tempfile.mkdtemp(dir=host))
    try:
        image, tree = folder / "image.ext4", sample_tree()
        written = write_ext4(tree, image, timed(size_bytes=17 << 40, bytes_per_inode=1 << 26))
        assert written.blocks_count == 17 << 28
        assert shown(image)["Block count"] == str(17 << 28)
        judge(image, tree, tmp_path / "mnt")
    finally:
        shutil.rmtree(folder)
