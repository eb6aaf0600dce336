"""The fields of the inodes without a name are right."""

from __future__ import annotations

from pathlib import Path

from pyext4 import Directory, File, Metadata, Options, Tree, write_ext4
from pyext4.ondisk.inode import EXT4_JOURNAL_INO, EXT4_RESIZE_INO
from pyext4.reader import open_ext4

TIME = 1_700_000_000


def test_journal_and_resize_inode_have_the_filesystems_time(tmp_path: Path) -> None:
    write_ext4(Tree(), tmp_path / "image", Options(timestamp=TIME))
    with open_ext4(tmp_path / "image") as image:
        for ino in (EXT4_JOURNAL_INO, EXT4_RESIZE_INO):
            status = image.inode(ino)
            assert status.mtime_ns == status.crtime_ns == TIME * 10**9
            assert (status.mode, status.uid, status.links) == (0o100600, 0, 1)


def test_a_large_value_has_an_inode_behind_the_trees(tmp_path: Path) -> None:
    value = b"v" * 5000
    meta = Metadata(mode=0o644, xattrs=((b"user.large", value),))
    tree = Tree(Directory(Metadata(mode=0o755), {b"file": File(meta)}))
    written = write_ext4(tree, tmp_path / "image")
    assert "ea_inode" in written.features
    with open_ext4(tmp_path / "image") as image:
        assert dict(image.xattrs(b"/file"))[b"user.large"] == value
