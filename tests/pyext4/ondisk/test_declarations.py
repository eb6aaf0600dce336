"""Compare the declarations with the kernel's documentation."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pyext4.ondisk import features
from pyext4.packer import Packer
from tests.pyext4.ondisk.ondisk_structures import MODULES, STRUCTURES

SIZES = {
    "Superblock": 1024,
    "GroupDesc": 64,
    "GroupDesc32": 32,
    "Inode": 160,
    "Inode128": 128,
    "ExtentHeader": 12,
    "Extent": 12,
    "ExtentIdx": 12,
    "ExtentTail": 4,
    "DirEntry2": 8,
    "DirEntryTail": 12,
    "DxRootInfo": 8,
    "DxEntry": 8,
    "DxCountLimit": 4,
    "DxTail": 8,
    "XattrHeader": 32,
    "XattrIbodyHeader": 4,
    "XattrEntry": 16,
    "AclHeader": 4,
    "AclEntry": 8,
    "AclEntryShort": 4,
    "JournalSuperblock": 1024,
    "OrphanBlockTail": 8,
    "VeritySuperblock": 512,
}

# a few offsets from the kernel's documentation, far enough apart to pin the rest between them
OFFSETS = [
    ("Superblock", "s_magic", 0x38),
    ("Superblock", "s_feature_incompat", 0x60),
    ("Superblock", "s_uuid", 0x68),
    ("Superblock", "s_journal_inum", 0xE0),
    ("Superblock", "s_desc_size", 0xFE),
    ("Superblock", "s_jnl_blocks", 0x10C),
    ("Superblock", "s_blocks_count_hi", 0x150),
    ("Superblock", "s_log_groups_per_flex", 0x174),
    ("Superblock", "s_kbytes_written", 0x178),
    ("Superblock", "s_mount_opts", 0x200),
    ("Superblock", "s_checksum_seed", 0x270),
    ("Superblock", "s_orphan_file_inum", 0x280),
    ("Superblock", "s_checksum", 0x3FC),
    ("GroupDesc", "bg_checksum", 0x1E),
    ("GroupDesc", "bg_itable_unused_hi", 0x32),
    ("Inode", "i_block", 0x28),
    ("Inode", "l_i_checksum_lo", 0x7C),
    ("Inode", "i_checksum_hi", 0x82),
    ("Inode", "i_projid", 0x9C),
    ("JournalSuperblock", "s_users", 0x100),
    ("JournalSuperblock", "s_checksum", 0xFC),
    ("XattrHeader", "h_checksum", 0x10),
    ("VeritySuperblock", "data_blocks", 0x48),
    ("VeritySuperblock", "salt", 0x58),
]


def test_every_structure_has_its_size() -> None:
    assert {name: declared.sizeof() for name, declared in STRUCTURES.items()} == SIZES


@pytest.mark.parametrize(("structure", "field", "offset"), OFFSETS)
def test_offset(structure: str, field: str, offset: int) -> None:
    assert Packer(STRUCTURES[structure]).offsets[field] == offset


@pytest.mark.parametrize("module", sorted(MODULES))
def test_offset_in_each_comment_is_right(module: str) -> None:
    source = Path(MODULES[module].__file__ or "").read_text()
    blocks = re.findall(r"^(\w+): Final = Struct\(\n(.*?)^\)", source, re.MULTILINE | re.DOTALL)
    assert {name for name, _ in blocks} == {
        name for name in vars(MODULES[module]) if name in STRUCTURES
    }
    for name, block in blocks:
        stated = dict(re.findall(r'^ {4}"(\w+)" / .*?# 0x([0-9a-f]+): \S', block, re.MULTILINE))
        real = Packer(STRUCTURES[name]).offsets
        lines = [line for line in block.splitlines() if not line.startswith("    *")]
        assert len(stated) == len(lines)
        assert {field: int(offset, 16) for field, offset in stated.items()} == {
            field: real[field] for field in stated
        }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_ondisk_holds_declarations_only(module: str) -> None:
    tree = ast.parse(Path(MODULES[module].__file__ or "").read_text())
    logic = ast.FunctionDef | ast.ClassDef | ast.If | ast.For | ast.While | ast.Try
    assert [node for node in ast.walk(tree) if isinstance(node, logic)] == []


def test_feature_bits_are_single_and_each_has_one_name() -> None:
    assert all(bit and bit & (bit - 1) == 0 for _, bit in features.FEATURES.values())
    assert len(set(features.FEATURES.values())) == len(features.FEATURES)
    assert len(features.FEATURES) == sum(name.startswith("EXT4_") for name in features.__all__)
