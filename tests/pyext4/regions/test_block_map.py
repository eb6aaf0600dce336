"""What every block is for: the sums, and what the programs of e2fsprogs say of places."""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from pyext4 import DamagedError, File, Options, open_ext4, write_ext4
from pyext4.reader import Ext4Reader
from pyext4.regions import KINDS, Region, block_map
from tests.oracle_tools import need
from tests.pyext4.reader.ext4_images import make_image, run
from tests.pyext4.small_trees import PLAIN, file_of, tree_of

pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def _tools() -> None:
    need("mke2fs", "debugfs", "dumpe2fs")


def source(folder: Path) -> Path:
    """Return a directory with files of several extents, attributes and a big directory."""
    made = folder / "source"
    (made / "many").mkdir(parents=True)
    for number in range(600):
        (made / "many" / f"{number}-{'n' * 100}").touch()
    with (made / "sparse").open("wb") as file:
        for number in range(30):
            file.seek(number * 100_000)
            file.write(b"x")
    (made / "link").symlink_to("t" * 200)
    (made / "file").write_bytes(os.urandom(200_000))
    os.setxattr(made / "file", "user.long", b"v" * 900)
    return made


def sums(reader: Ext4Reader) -> Counter[str]:
    """Check that the map has each block once and return the blocks of each kind."""
    regions = block_map(reader)
    assert regions[0].first == 0
    for before, after in pairwise(regions):
        assert before.first + before.length == after.first
        assert before.kind != after.kind
    found: Counter[str] = Counter()
    for region in regions:
        assert region.length > 0
        found[region.kind] += region.length
    assert set(found) <= set(KINDS)
    layout = reader.layout
    assert found.total() == layout.blocks_count
    free = layout.fields["s_free_blocks_count_lo"] | layout.fields["s_free_blocks_count_hi"] << 32
    assert found["free"] == free
    return found


@pytest.mark.parametrize(
    "options",
    [
        ("-t", "ext4"),
        ("-t", "ext4", "-b", "1024"),
        ("-t", "ext2", "-b", "1024"),
        ("-t", "ext3", "-b", "1024"),
        ("-t", "ext4", "-b", "1024", "-O", "^flex_bg,^resize_inode,meta_bg"),
        ("-t", "ext4", "-b", "1024", "-O", "sparse_super2"),
        ("-t", "ext4", "-O", "bigalloc", "-C", "16384"),
        ("-t", "ext4", "-O", "bigalloc", "-b", "1024", "-C", "4096"),
        ("-t", "ext4", "-O", "inline_data,ea_inode"),
        ("-t", "ext4", "-O", "orphan_file"),
        ("-t", "ext4", "-O", "quota"),
        ("-t", "ext4", "-O", "uninit_bg,^metadata_csum"),
    ],
    ids=lambda options: " ".join(options[2:]) or "default",
)
def test_all_blocks_once_and_free_as_counted(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", *options, size="40M", source=source(tmp_path))
    with open_ext4(image) as reader:
        found = sums(reader)
        assert found["unaccounted"] == 0
        assert found["data"] > 200_000 // reader.layout.block_size
        if "bigalloc" not in reader.layout.features:
            assert found["journal"] >= (reader.journal or {"s_maxlen": 0})["s_maxlen"]
            free = {block for first, last in free_ranges(image) for block in range(first, last + 1)}
            assert free == blocks_of(block_map(reader), "free")


def free_ranges(image: Path) -> list[tuple[int, int]]:
    """Return the free blocks that dumpe2fs lists."""
    lines = re.findall(r"^  Free blocks: (.*)$", run("dumpe2fs", image), re.MULTILINE)
    texts = [text for line in lines for text in line.split(", ") if text]
    pairs = [text.partition("-")[::2] for text in texts]
    return [(int(first), int(last or first)) for first, last in pairs]


def blocks_of(regions: list[Region], kind: str) -> set[int]:
    return {
        block
        for region in regions
        if region.kind == kind
        for block in range(region.first, region.first + region.length)
    }


def test_places_are_those_that_debugfs_tells(tmp_path: Path) -> None:
    image = make_image(
        tmp_path / "k.ext4", "-t", "ext4", "-b", "1024", size="40M", source=source(tmp_path)
    )
    with open_ext4(image) as reader:
        regions = block_map(reader)
    for path, kind in (
        ("/file", "data"),
        ("/many", "directories"),
        ("/link", "data"),
        ("<8>", "journal"),
    ):
        theirs = {int(text) for text in run("debugfs", "-R", f"blocks {path}", image).split()}
        assert theirs <= blocks_of(regions, kind), path
    attributes = re.search(r"File ACL: (\d+)", run("debugfs", "-R", "stat /file", image))
    assert attributes is not None
    assert blocks_of(regions, "attributes") == {int(attributes[1])}
    shown = run("dumpe2fs", image)
    supers = {int(text) for text in re.findall(r"superblock at (\d+)", shown)}
    assert blocks_of(regions, "superblocks") == supers
    for name, kind in (("Block", "block bitmaps"), ("Inode", "inode bitmaps")):
        bitmaps = {int(text) for text in re.findall(rf"{name} bitmap at (\d+)", shown)}
        assert blocks_of(regions, kind) == bitmaps
    tables = re.findall(r"Inode table at (\d+)-(\d+)", shown)
    expected = {block for low, high in tables for block in range(int(low), int(high) + 1)}
    assert blocks_of(regions, "inode tables") == expected
    reserved = re.findall(r"Reserved GDT blocks at (\d+)-(\d+)", shown)
    expected = {block for low, high in reserved for block in range(int(low), int(high) + 1)}
    assert blocks_of(regions, "reserved descriptors") == expected
    index = run("debugfs", "-R", "dump_extents /sparse", image)
    root = re.compile(r"^ 0/ 1 +1/  1 +\d+ - +\d+ +(\d+)", re.MULTILINE)
    nodes = {int(text) for text in root.findall(index)}
    assert nodes
    assert blocks_of(regions, "indexes") >= nodes


def test_our_own_image(tmp_path: Path) -> None:
    tree = tree_of(**{f"f{number}": file_of(b"x" * 9000) for number in range(50)})
    write_ext4(tree, tmp_path / "image", Options(size_bytes=64 << 20))
    with open_ext4(tmp_path / "image") as reader:
        found = sums(reader)
    assert found["data"] == 50 * 3
    assert found["unaccounted"] == 0


def test_work_and_memory_grow_with_stretches_not_with_blocks(tmp_path: Path) -> None:
    """A disk of 256 GiB with a file of a block and one that is mostly hole."""
    hole = tmp_path / "hole"
    with hole.open("wb") as file:
        file.truncate(1 << 30)
    tree = tree_of(x=file_of(b"x"), hole=File(PLAIN, 1 << 30, hole))
    write_ext4(tree, tmp_path / "image", Options(size_bytes=1 << 38))
    with open_ext4(tmp_path / "image") as reader:
        found = sums(reader)
        assert len(block_map(reader)) < 1000
    assert found["free"] > 1 << 25


def test_damage_is_an_error(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", size="16M", source=source(tmp_path))
    with open_ext4(image) as reader:
        at = reader.image.group(0).inode_bitmap * reader.layout.block_size
    with image.open("r+b") as file:
        file.seek(at)
        file.write(b"\0")
    with open_ext4(image) as reader, pytest.raises(DamagedError, match=r"^inode bitmap 0: "):
        block_map(reader)
