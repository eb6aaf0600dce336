"""Images that the kernel has written to: growing, shrinking, holes, attributes, big directories."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pyext4.reader import open_ext4
from tests.oracle_tools import need, need_root
from tests.pyext4.reader.ext4_images import (
    fill,
    make_image,
    mounted,
    run,
    seen_by_kernel,
    seen_by_reader,
)

pytestmark = pytest.mark.oracle


def compare(image: Path) -> None:
    run("e2fsck", "-fn", image)
    with open_ext4(image) as reader:
        assert reader.verify() == []
        by_reader = seen_by_reader(reader)
    with mounted(image) as root:
        assert by_reader == seen_by_kernel(root)


@pytest.fixture(autouse=True)
def _tools() -> None:
    need_root()
    need("mke2fs", "e2fsck", "mount", "setfacl")


@pytest.mark.parametrize(
    "options",
    [
        ["-t", "ext4", "-b", "4096"],
        ["-t", "ext4", "-b", "1024"],
        ["-t", "ext4", "-O", "inline_data"],
        ["-t", "ext4", "-O", "^metadata_csum,^64bit"],
        ["-t", "ext4", "-O", "metadata_csum_seed,orphan_file"],
        ["-t", "ext3"],
        ["-t", "ext2", "-b", "1024"],
        ["-t", "ext4", "-O", "^extent,^64bit"],
    ],
    ids=" ".join,
)
def test_files_written_by_the_kernel(options: list[str], tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", *options)
    with mounted(image, write=True) as root:
        fill(root)
    compare(image)


def test_block_map_with_three_levels(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext2", "-b", "1024")
    with mounted(image, write=True) as root, (root / "mapped").open("wb") as file:
        # 12 direct, 256 indirect, 65536 doubly, then trebly indirect blocks
        for block in (0, 11, 12, 13, 267, 268, 269, 600, 65_803, 65_804, 65_805, 200_000):
            file.seek(block * 1024)
            file.write(b"block %d" % block)
    compare(image)
    with open_ext4(image) as reader:
        assert [offset // 1024 for offset, _ in reader.segments("/mapped")] == [
            0,
            11,
            267,
            600,
            65_803,
            200_000,
        ]


def test_extent_tree_of_depth_2(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "1024")
    with mounted(image, write=True) as root, (root / "torn").open("wb") as file:
        for index in range(0, 2 * 700, 2):  # 84 extents fit into a block, 4 into the inode
            file.seek(index * 1024)
            file.write(b"%d" % index)
    compare(image)
    with open_ext4(image) as reader:
        node = reader.stat("/torn")
        assert int.from_bytes(node.i_block[6:8], "little") == 2
        assert len(reader.segments(node)) == 700


def test_unwritten_blocks_read_as_zero(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "4096")
    with mounted(image, write=True) as root, (root / "ready").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
        file.seek(300_000)
        file.write(b"here")
    compare(image)
    with open_ext4(image) as reader:
        content = reader.read("/ready")
        assert content == bytes(300_000) + b"here" + bytes((1 << 20) - 300_004)
        assert reader.segments("/ready") == [(299_008, 4096)]


def test_large_values_in_inodes_of_their_own(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-O", "ea_inode")
    with mounted(image, write=True) as root:
        for name in ("a", "b"):
            (root / name).touch()
            os.setxattr(root / name, "user.big", b"same value" * 2000)
            os.setxattr(root / name, "user.own", name.encode() * 30_000)
            os.setxattr(root / name, "user.small", b"s" * 300)
    compare(image)
    with open_ext4(image) as reader:
        assert dict(reader.xattrs("/a"))[b"user.big"] == b"same value" * 2000


def test_shared_blocks_of_attributes(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "4096")
    with mounted(image, write=True) as root:
        for index in range(50):
            (root / f"{index}").touch()
            os.setxattr(root / f"{index}", "trusted.same", b"x" * 1000)
            os.setxattr(root / f"{index}", "user.\u00e9\u00fc", b"y" * 1000)
    compare(image)
    with open_ext4(image) as reader:
        assert len({reader.stat(f"/{index}").xattr_block for index in range(50)}) == 1


def test_big_directories_grown_and_thinned(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "1024", "-N", "40000", size="128M")
    with mounted(image, write=True) as root:
        (root / "dir").mkdir()
        for index in range(30_000):  # 1 KiB blocks: two levels of index
            os.mknod(root / "dir" / f"{index:0100}")
        for index in range(0, 30_000, 3):
            (root / "dir" / f"{index:0100}").unlink()
    compare(image)
    with open_ext4(image) as reader:
        assert len(reader.listdir("/dir")) == 20_000
    run("e2fsck", "-fyD", image)
    compare(image)


def test_heavy_use(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "4096", size="48M")
    for _ in range(2):
        with mounted(image, write=True) as root:
            (root / "tree").mkdir()
            fill(root / "tree")
            with pytest.raises(OSError, match="No space left"):
                (root / "tree" / "filler").write_bytes(bytes(1 << 26))
            shutil.rmtree(root / "tree" / "deep")
            (root / "tree" / "many").rename(root / "kept")
            shutil.rmtree(root / "kept")
            shutil.rmtree(root / "tree")
            fill(root)
        compare(image)
        with mounted(image, write=True) as root:
            for path in root.iterdir():
                if path.name != "lost+found":
                    shutil.rmtree(
                        path
                    ) if not path.is_symlink() and path.is_dir() else path.unlink()
    run("truncate", "-s", "96M", image)
    run("e2fsck", "-fy", image)
    run("resize2fs", image)
    compare(image)
    run("resize2fs", "-M", image)
    compare(image)


def test_more_subdirectories_than_links_can_count(tmp_path: Path) -> None:
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "1024", "-N", "70000", size="300M")
    with mounted(image, write=True) as root:
        for index in range(65_010):
            (root / f"{index}").mkdir()
    run("e2fsck", "-fn", image)
    with open_ext4(image) as reader:
        assert reader.stat("/").links == 1
        assert reader.verify() == []
