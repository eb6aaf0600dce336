"""Sizes of filesystems, compared with those that mke2fs would choose."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pyext4.numbers import ceil_div
from pyext4.space.geometry import (
    Fixed,
    default_journal_blocks,
    descriptor_blocks,
    reserved_gdt_blocks,
)
from tests.oracle_tools import need

MIB = 1 << 20
GIB = 1 << 30


def test_copies_are_at_0_1_and_powers_of_3_5_7() -> None:
    fixed = Fixed(block_size=4096, desc_size=64, gdt_area_blocks=1)
    copies = fixed.copies()
    first = [next(copies) for _ in range(15)]
    assert first == [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343, 625, 729]
    assert [group for group in range(730) if fixed.has_copy(group)] == first


@pytest.mark.parametrize(
    ("blocks", "journal"),
    [
        (2047, 0),
        (2048, 1024),
        (32767, 1024),
        (32768, 4096),
        (262143, 4096),
        (262144, 8192),
        (524288, 16384),
        (4194304, 32768),
        (8388608, 65536),
        (16777216, 131072),
        (33554431, 131072),
        (33554432, 262144),
        (1 << 40, 262144),
    ],
)
def test_journal(blocks: int, journal: int) -> None:
    assert default_journal_blocks(blocks) == journal


@pytest.mark.parametrize(
    ("blocks", "block_size", "desc_size", "expected"),
    [
        (1, 4096, 64, 1),
        (64 * 32768, 4096, 64, 1),
        (64 * 32768 + 1, 4096, 64, 2),
        (128 * 32768, 4096, 32, 1),
        (128 * 32768 + 1, 4096, 32, 2),
        (16 * 8192 + 1, 1024, 64, 1),  # block 0 is in no group
        (16 * 8192 + 2, 1024, 64, 2),
    ],
)
def test_descriptor_blocks(blocks: int, block_size: int, desc_size: int, expected: int) -> None:
    assert descriptor_blocks(blocks, block_size=block_size, desc_size=desc_size) == expected


@pytest.mark.oracle
@pytest.mark.parametrize("features", ["64bit", "^64bit"])
@pytest.mark.parametrize(
    ("size", "block_size"),
    [
        (size, block_size)
        for block_size in (1024, 2048, 4096)
        for size in (8 * MIB, 127 * MIB, 128 * MIB + 8192, GIB, 33 * GIB, 1025 * GIB, 5 << 40)
        if size // block_size < 1 << 32 and size < block_size << 29
    ],
)
def test_sizes_are_those_of_mke2fs(
    size: int, block_size: int, features: str, tmp_path: Path
) -> None:
    need("mke2fs", "dumpe2fs")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(size)
    lazy = "lazy_itable_init=1,lazy_journal_init=1"
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", str(block_size), "-i", str(64 * MIB)]
    subprocess.run(
        [*command, "-O", features, "-E", lazy, str(image)], check=True, capture_output=True
    )
    shown = subprocess.run(
        ["dumpe2fs", str(image)], check=True, capture_output=True, text=True
    ).stdout
    facts = dict(re.findall(r"^([^:\n]+): +(.*)$", shown, re.MULTILINE))
    blocks = int(facts["Block count"])
    sizes = {"block_size": block_size, "desc_size": 64 if features == "64bit" else 32}
    fixed = Fixed(**sizes, gdt_area_blocks=1)
    assert int(facts.get("Reserved GDT blocks", "0")) == reserved_gdt_blocks(blocks, **sizes)
    assert int(facts["First block"]) == fixed.first_data_block
    assert int(facts["Blocks per group"]) == fixed.blocks_per_group
    assert int(facts["Total journal blocks"]) == default_journal_blocks(blocks)
    groups = ceil_div(blocks - fixed.first_data_block, fixed.blocks_per_group)
    backups = {int(start) for start in re.findall(r"Backup superblock at (\d+)", shown)}
    copies = {fixed.group_start(group) for group in range(1, groups) if fixed.has_copy(group)}
    assert backups == copies
    ends = re.findall(r"superblock at \d+, Group descriptors at (\d+)-(\d+)", shown)
    descriptors = {int(last) - int(first) + 1 for first, last in ends}
    assert descriptors == {descriptor_blocks(blocks, **sizes)}
