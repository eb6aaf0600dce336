"""Options are obeyed or refused: no feature is added by itself, no number is ignored."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from pyext4 import (
    ContentError,
    Directory,
    File,
    Metadata,
    Options,
    OptionsError,
    Tree,
    open_ext4,
    write_ext4,
)
from pyext4.ondisk.dir_entry import EXT4_NAME_LEN
from pyext4.options import Profile
from tests.pyext4.small_trees import PLAIN, file_of, tree_of, write

MIB = 1 << 20
LARGE = tree_of(
    x=File(Metadata(mode=0o644, xattrs=((b"user.large", b"L" * 9000), (b"user.small", b"s"))))
)
MANY = tree_of(
    x=Directory(Metadata(mode=0o755, xattrs=((b"user.a", b"L" * 2500), (b"user.b", b"L" * 2400))))
)


@pytest.mark.parametrize(
    ("tree", "name"), [(LARGE, "user.large"), (MANY, "user.a")], ids=["large", "many"]
)
@pytest.mark.parametrize(
    ("profile", "features"),
    [
        ("default", ("^ea_inode",)),
        ("default", ("ea_inode", "^ea_inode")),
        ("default", ("^ea_inode", "inline_data")),
        ("compat", ()),
        ("compat", ("metadata_csum",)),
        ("readonly", ("^ea_inode",)),
    ],
)
def test_value_over_a_block_without_ea_inode(
    profile: Profile, features: tuple[str, ...], tree: Tree, name: str, tmp_path: Path
) -> None:
    with pytest.raises(ContentError, match=rf"^/x: .*ea_inode.*: {name}$"):
        write(tree, tmp_path, Options(profile=profile, features=features))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("profile", "features"),
    [("default", ()), ("default", ("^ea_inode", "ea_inode")), ("compat", ("ea_inode",))],
)
def test_value_over_a_block_with_ea_inode(
    profile: Profile, features: tuple[str, ...], tmp_path: Path
) -> None:
    written = write(LARGE, tmp_path, Options(profile=profile, features=features))
    assert "ea_inode" in written.features
    with open_ext4(written.path) as reader:
        assert dict(reader.xattrs("/x"))[b"user.large"] == b"L" * 9000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            Options(journal_bytes=8 * MIB, features=("^has_journal",)),
            "journal size: needs the feature has_journal",
        ),
        (
            Options(journal_bytes=8 * MIB, profile="readonly"),
            "journal size: needs the feature has_journal",
        ),
        (
            Options(inodes=1000, bytes_per_inode=8192),
            "inodes: can't be combined with bytes per inode",
        ),
        (
            Options(size_bytes=17 << 40, features=("resize_inode",)),
            "features: can't be made at this size: resize_inode",
        ),
        (Options(journal_bytes=0), "journal size: must be 1 or more, not: 0"),
        (Options(inodes=1 << 32), "inodes: ext4 has at most 4294967295: 4294967296"),
        (
            Options(profile="fast"),  # type: ignore[arg-type]
            "profile: must be one of default, compat, readonly, not: fast",
        ),
        (
            Options(hash_version="legacy"),  # type: ignore[arg-type]
            "hash version: must be one of half_md4, tea, not: legacy",
        ),
    ],
)
def test_options_that_mean_nothing_together(options: Options, message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=f"^{re.escape(message)}$"):
        write(Tree(), tmp_path, options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [Options(smallest=True), Options(profile="readonly")])
def test_bytes_per_inode_in_a_packed_image(options: Options, tmp_path: Path) -> None:
    packed = write(tree_of(a=file_of(b"a" * MIB)), tmp_path, options)
    asked = Options(smallest=options.smallest, profile=options.profile, bytes_per_inode=4096)
    more = write(tree_of(a=file_of(b"a" * MIB)), tmp_path, asked)
    assert packed.inodes_count == 16
    assert more.inodes_count >= more.blocks_count * more.block_size_bytes // 4096


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_file_of_over_2_tib_without_huge_file(block_size: int, tmp_path: Path) -> None:
    """ext4_max_size of fs/ext4/super.c: 2^32 - 1 sectors, in whole blocks."""
    most = 0xFFFFFFFF // (block_size // 512) * block_size
    options = Options(features=("^huge_file",), block_size_bytes=block_size)
    with pytest.raises(ContentError, match=rf"^/a: its size must be 0 to {most}, not: {most + 1}$"):
        write(tree_of(a=File(PLAIN, most + 1, b"")), tmp_path, options)


@pytest.mark.parametrize(
    "options",
    [
        Options(size_bytes=256 << 40),
        Options(size_bytes=1 << 50),
        Options(size_bytes=16 << 50),
        Options(size_bytes=10**30),
        Options(size_bytes=16 << 50, inodes=1000, features=("^resize_inode",)),
        Options(size_bytes=16 << 50, bytes_per_inode=1 << 30),
        Options(size_bytes=16 << 50, profile="readonly"),
        Options(size_bytes=1 << 50, block_size_bytes=1024),
        Options(free_bytes=16 << 50),
        Options(free_bytes=10**30, smallest=False),
        Options(free_bytes=16 << 50, profile="readonly"),
    ],
)
def test_size_that_no_filesystem_can_have_is_told_soon(options: Options, tmp_path: Path) -> None:
    begun = time.process_time()
    with pytest.raises(OptionsError, match=r"^size: "):
        write(tree_of(a=file_of(b"a" * 9000)), tmp_path, options)
    assert time.process_time() - begun < 10
    assert list(tmp_path.iterdir()) == []


def test_directory_too_large_for_an_index_is_named(tmp_path: Path) -> None:
    names = [b"%06d" % number + b"n" * (EXT4_NAME_LEN - 6) for number in range(60000)]
    full = Directory(PLAIN, dict.fromkeys(names, file_of(b"")))
    tree = tree_of(var=Directory(PLAIN, {b"d": full}))
    with pytest.raises(ContentError, match=r"^/var/d: .*too many entries for an index: 60000$"):
        write(tree, tmp_path, Options(block_size_bytes=1024))


@pytest.mark.parametrize("features", [(), ("orphan_file",), ("orphan_file", "inline_data")])
def test_files_are_those_of_the_tree(features: tuple[str, ...], tmp_path: Path) -> None:
    node = file_of(b"a")
    tree = tree_of(a=node, b=node, d=Directory(PLAIN, {b"e": file_of(b"e")}))
    tree.root.children[b"x"] = LARGE.root.children[b"x"]
    written = write_ext4(tree, tmp_path / "i", Options(features=features))
    assert written.files_count == 4  # a and b are one; nothing of ext4's own counts
    tree.root.children[b"lost+found"] = Directory(PLAIN)
    assert write_ext4(tree, tmp_path / "i", Options(features=features)).files_count == 4
