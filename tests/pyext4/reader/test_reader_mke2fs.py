"""Images of every kind that mke2fs makes: the reader and the kernel see the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyext4.errors import UnsupportedError
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

VARIANTS = {
    "default": ["-t", "ext4", "-b", "4096"],
    "blocks_1k": ["-t", "ext4", "-b", "1024"],
    "blocks_2k": ["-t", "ext4", "-b", "2048"],
    "inodes_128": ["-t", "ext4", "-I", "128", "-b", "4096"],
    "inodes_512": ["-t", "ext4", "-I", "512", "-b", "4096"],
    "inodes_1024": ["-t", "ext4", "-I", "1024", "-b", "4096"],
    "ext2": ["-t", "ext2"],
    "ext2_1k": ["-t", "ext2", "-b", "1024"],
    "ext3": ["-t", "ext3"],
    "no_64bit": ["-t", "ext4", "-O", "^64bit", "-b", "4096"],
    "no_csum": ["-t", "ext4", "-O", "^metadata_csum", "-b", "4096"],
    "uninit_bg": ["-t", "ext4", "-O", "^metadata_csum,uninit_bg", "-b", "4096"],
    "uninit_bg_32": ["-t", "ext4", "-O", "^metadata_csum,uninit_bg,^64bit", "-b", "4096"],
    "csum_seed": ["-t", "ext4", "-O", "metadata_csum_seed", "-b", "4096"],
    "inline_data": ["-t", "ext4", "-O", "inline_data", "-b", "4096"],
    "inline_data_1k": ["-t", "ext4", "-O", "inline_data", "-b", "1024", "-I", "512"],
    "no_extent": ["-t", "ext4", "-O", "^extent,^64bit", "-b", "4096"],
    "ea_inode": ["-t", "ext4", "-O", "ea_inode", "-b", "4096"],
    "orphan_file": ["-t", "ext4", "-O", "orphan_file", "-b", "4096"],
    "meta_bg": ["-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", "1024"],
    "sparse_super2": ["-t", "ext4", "-O", "sparse_super2", "-b", "1024"],
    "no_sparse_super": ["-t", "ext4", "-O", "^sparse_super,^resize_inode", "-b", "1024"],
    "no_journal": ["-t", "ext4", "-O", "^has_journal", "-b", "4096"],
    "no_flex_bg": ["-t", "ext4", "-O", "^flex_bg", "-b", "1024"],
    "no_resize_inode": ["-t", "ext4", "-O", "^resize_inode", "-b", "4096"],
    "no_dir_index": ["-t", "ext4", "-O", "^dir_index", "-b", "4096"],
    "no_filetype": ["-t", "ext4", "-O", "^filetype", "-b", "4096"],
    "no_huge_file": ["-t", "ext4", "-O", "^huge_file", "-b", "4096"],
    "large_dir": ["-t", "ext4", "-O", "large_dir", "-b", "4096"],
    "quota": ["-t", "ext4", "-O", "quota,project", "-E", "quotatype=usrquota:prjquota"],
    "tea": ["-t", "ext4", "-E", "hash_seed=01234567-89ab-cdef-0123-456789abcdef", "-b", "4096"],
    "group_256": ["-t", "ext4", "-g", "256", "-b", "1024"],
    "packed": ["-t", "ext4", "-E", "packed_meta_blocks=1", "-b", "4096"],
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_root()
    need("setfacl")
    root = tmp_path_factory.mktemp("source")
    fill(root)
    return root


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_reader_sees_what_the_kernel_sees(variant: str, source: Path, tmp_path: Path) -> None:
    need_root()
    need("mke2fs", "mount")
    image = make_image(tmp_path / "made.ext4", *VARIANTS[variant], source=source)
    with open_ext4(image) as reader:
        assert reader.verify() == []
        by_reader = seen_by_reader(reader)
    with mounted(image) as root:
        by_kernel = seen_by_kernel(root)
    assert by_reader.keys() == by_kernel.keys()
    for path, seen in by_kernel.items():
        assert by_reader[path] == seen, path


@pytest.mark.parametrize("alg", ["tea", "legacy", "half_md4"])
@pytest.mark.parametrize("flag", ["signed_directory_hash", "unsigned_directory_hash"])
def test_hashes_of_indexed_directories(alg: str, flag: str, tmp_path: Path) -> None:
    need_root()
    need("mke2fs", "debugfs", "tune2fs", "e2fsck", "mount")
    image = make_image(tmp_path / "made.ext4", "-t", "ext4", "-b", "1024")
    number = {"legacy": 0, "half_md4": 1, "tea": 2}[alg]
    bit = 1 if flag == "signed_directory_hash" else 2
    run("debugfs", "-w", "-R", f"ssv def_hash_version {number}", image)
    run("debugfs", "-w", "-R", f"ssv flags {bit}", image)
    with mounted(image, write=True) as root:
        many = os.fsencode(root) + b"/many"
        os.mkdir(many)
        for index in range(4000):
            name = b"%s\xe9\x80%d" % (b"n" * (index % 50), index)
            with open(many + b"/" + name, "wb"):
                pass
    run("e2fsck", "-fn", image)
    with open_ext4(image) as reader:
        assert len(reader.listdir(b"/many")) == 4000
        assert reader.layout.hash_unsigned == (flag == "unsigned_directory_hash")
        assert reader.verify() == []


def test_bad_blocks_belong_to_inode_1(tmp_path: Path) -> None:
    need("mke2fs")
    bad = tmp_path / "bad"
    bad.write_text("20000\n20001\n30000\n")
    image = make_image(tmp_path / "made.ext4", "-t", "ext4", "-l", str(bad))
    with open_ext4(image) as reader:
        assert reader.verify() == []


@pytest.mark.parametrize("block_size", ["8192", "65536"])
def test_blocks_larger_than_a_page(block_size: str, source: Path, tmp_path: Path) -> None:
    # which most kernels can't mount, so the tree that went in is what must come out
    need("mke2fs")
    options = ("-t", "ext4", "-b", block_size)
    image = make_image(tmp_path / "made.ext4", *options, size="256M", source=source)
    expected = seen_by_kernel(source)
    with open_ext4(image) as reader:
        assert reader.verify() == []
        found = seen_by_reader(reader)
    assert found.keys() == expected.keys() | {b"/lost+found"}
    for path, seen in expected.items():
        assert found[path].content == seen.content, path
        assert found[path].xattrs == seen.xattrs, path
        assert found[path].target == seen.target, path


def test_clusters_can_be_read_but_not_verified(source: Path, tmp_path: Path) -> None:
    need("mke2fs")
    options = ("-t", "ext4", "-O", "bigalloc", "-C", "16384", "-b", "4096")
    image = make_image(tmp_path / "made.ext4", *options, source=source)
    expected = seen_by_kernel(source)
    with open_ext4(image) as reader:
        assert {path: node.content for path, node in seen_by_reader(reader).items()} == {
            path: node.content for path, node in expected.items()
        } | {b"/lost+found": b""}
        with pytest.raises(UnsupportedError, match=r"^bigalloc: can't verify"):
            reader.verify()
