"""Every structure of an image from mke2fs can be parsed and rebuilt to the same bytes."""

from __future__ import annotations

import stat
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyext4.ondisk import dir_entry, extent, xattr
from pyext4.ondisk.orphan import OrphanBlockTail
from pyext4.packer import Packer
from pyext4.reader import Ext4Reader, Inode, open_ext4
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.files.directory_entries import directory_blocks, is_indexed
from pyext4.reader.files.hashtree import read_index
from pyext4.reader.files.inode_xattrs import read_attributes
from tests.oracle_tools import need, need_root
from tests.pyext4.ondisk.ondisk_structures import STRUCTURES
from tests.pyext4.reader.ext4_images import fill, make_image, mounted

# The first is not the filesystem's. The others are in the log of an image whose machine stopped;
# tests/pyext4/reader/test_journal_replay.py judges what is read from them.
ELSEWHERE = {
    "VeritySuperblock",
    "JournalHeader",
    "JournalBlockTag",
    "JournalBlockTag3",
    "JournalBlockTail",
    "RevokeHeader",
    "CommitHeader",
    "FastCommitHead",
}

Piece = tuple[str, bytes]
"""A structure's name, and bytes that begin with one."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_root()
    need("mke2fs", "mount", "setfacl")
    source = tmp_path_factory.mktemp("source")
    fill(source)
    with (source / "torn").open("wb") as file:
        for index in range(0, 200, 2):
            file.seek(index * 4096)
            file.write(b"x")
    path = tmp_path_factory.mktemp("made") / "made.ext4"
    options = ("-t", "ext4", "-b", "1024", "-O", "orphan_file,ea_inode")
    make_image(path, *options, source=source)
    with mounted(path, write=True) as root:  # mke2fs makes no hash trees
        (root / "indexed").mkdir()
        for index in range(2000):
            (root / "indexed" / f"{index:0100}").touch()
    return path


def pieces(reader: Ext4Reader) -> Iterator[Piece]:
    image, layout = reader.image, reader.layout
    yield "Superblock", image.bytes_at(1024, 1024)
    for group in range(layout.groups_count):
        if layout.has_super(group):
            first = layout.group_start(group)
            yield "Superblock", image.blocks(first)
        index, place = divmod(group, layout.descs_per_block)
        raw = image.blocks(image.descriptor_block(index))[place * layout.desc_size :]
        yield "GroupDesc", raw
        yield "GroupDesc32", raw
    for ino in range(1, layout.inodes_count - layout.fields["s_free_inodes_count"] + 1):
        yield "Inode", image.raw_inode(ino)
        yield "Inode128", image.raw_inode(ino)
    journal = map_blocks(image, reader.inode(layout.fields["s_journal_inum"]))
    yield "JournalSuperblock", image.blocks(journal.runs[0].block)
    orphans = map_blocks(image, reader.inode(layout.fields["s_orphan_file_inum"]))
    yield "OrphanBlockTail", image.blocks(orphans.runs[0].block)[-OrphanBlockTail.sizeof() :]
    for _, node in reader.walk():
        yield from of_extents(reader, node)
        yield from of_attributes(reader, node)
        if stat.S_ISDIR(node.mode):
            yield from of_directory(reader, node)


def of_extents(reader: Ext4Reader, node: Inode) -> Iterator[Piece]:
    if not node.extents:
        return
    own = [reader.image.blocks(block) for block in map_blocks(reader.image, node).own_blocks]
    for buffer in (node.i_block, *own):
        header = extent.ExtentHeader.parse(buffer)
        yield "ExtentHeader", buffer
        entry = "ExtentIdx" if header.eh_depth else "Extent"
        for number in range(header.eh_entries):
            yield entry, buffer[12 + 12 * number :]
    for buffer in own:
        yield "ExtentTail", buffer[12 + 12 * extent.ExtentHeader.parse(buffer).eh_max :]


def of_attributes(reader: Ext4Reader, node: Inode) -> Iterator[Piece]:
    attributes = read_attributes(reader.image, node)
    if any(not attribute.in_block for attribute in attributes):
        yield "XattrIbodyHeader", node.xattr_room
        yield "XattrEntry", node.xattr_room[4:]
    if node.xattr_block:
        block = reader.image.blocks(node.xattr_block)
        yield "XattrHeader", block
        yield "XattrEntry", block[32:]
    for attribute in attributes:
        if attribute.index == xattr.EXT4_XATTR_INDEX_POSIX_ACL_ACCESS:
            value = attribute.value
            yield "AclHeader", value
            yield "AclEntryShort", value[4:]  # that of the owner
            yield "AclEntry", value[8:]  # that of a user


def of_directory(reader: Ext4Reader, node: Inode) -> Iterator[Piece]:
    blocks = directory_blocks(reader.image, node, map_blocks(reader.image, node))
    index_blocks = set()
    if is_indexed(reader.image, node):
        index_blocks = read_index(reader.image, node, blocks).index_blocks
    for logical, block in enumerate(blocks):
        data = reader.image.blocks(block)
        at = 0
        while at < len(data):
            yield "DirEntry2", data[at:]
            at += dir_entry.DirEntry2.parse(data[at:]).rec_len
        if logical not in index_blocks:
            yield "DirEntryTail", data[-12:]
            continue
        at = 8 if logical else 32
        if logical == 0:
            yield "DxRootInfo", data[24:]
        yield "DxCountLimit", data[at:]
        (count,) = struct.unpack_from("<H", data, at + 2)
        for number in range(1, count):
            yield "DxEntry", data[at + 8 * number :]
        yield "DxTail", data[-8:]


@pytest.mark.oracle
def test_structures_of_an_image_rebuild_to_the_same_bytes(image: Path) -> None:
    packers = {name: Packer(declaration) for name, declaration in STRUCTURES.items()}
    seen: Counter[str] = Counter()
    with open_ext4(image) as reader:
        for name, data in pieces(reader):
            declaration = STRUCTURES[name]
            whole = data[: declaration.sizeof()]
            assert declaration.build(declaration.parse(whole)) == whole
            assert packers[name].pack(**packers[name].unpack(whole)) == whole
            seen[name] += 1
    assert seen.keys() == STRUCTURES.keys() - ELSEWHERE
    assert seen["Inode"] > 2900
