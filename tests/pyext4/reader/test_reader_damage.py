"""One damaged byte in each kind of structure: the error names the structure and its number."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pyext4.errors import DamagedError, Ext4Error, UnsupportedError
from pyext4.ondisk.features import FEATURES
from pyext4.ondisk.superblock import EXT4_SUPERBLOCK_OFFSET
from pyext4.reader import Ext4Reader, open_ext4
from pyext4.reader.decode.checksums import CRC_START, ext4_crc
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.measures import SUPERBLOCK
from pyext4.reader.files.directory_entries import directory_blocks
from pyext4.reader.files.hashtree import read_index
from pyext4.reader.files.inode_xattrs import read_attributes
from tests.oracle_tools import need, need_root
from tests.pyext4.reader.ext4_images import fill, make_image, mounted, run

pytestmark = pytest.mark.oracle  # for the images; the judging is ours


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an image that holds every kind of structure."""
    need_root()
    need("mke2fs", "mount", "setfacl")
    path = tmp_path_factory.mktemp("sound") / "sound.ext4"
    image = make_image(path, "-t", "ext4", "-b", "1024", "-O", "ea_inode,orphan_file", size="40M")
    with mounted(image, write=True) as root:
        fill(root)
        with (root / "torn").open("wb") as file:
            for index in range(0, 200, 2):
                file.seek(index * 1024)
                file.write(b"x")
        os.setxattr(root / "torn", "user.big", b"big" * 5000)
        for index in range(4000):
            os.mknod(root / "many" / f"{index:0200}")
    with open_ext4(image) as reader:
        assert reader.verify() == []
    return image


Place = Callable[[Ext4Reader], tuple[str, int, int]]
"""The structure's name and number in the error, and the byte of the file to damage."""


def in_inode(reader: Ext4Reader) -> tuple[str, int, int]:
    layout, node = reader.layout, reader.stat("/one")
    group, index = divmod(node.ino - 1, layout.inodes_per_group)
    table = reader.image.group(group).inode_table * layout.block_size
    return "inode", node.ino, table + index * layout.inode_size + 2


def in_journal(reader: Ext4Reader) -> tuple[str, int, int]:
    ino = reader.layout.fields["s_journal_inum"]
    first = map_blocks(reader.image, reader.inode(ino)).runs[0].block
    return "journal", ino, first * 1024 + 0x60


def in_extent_block(reader: Ext4Reader) -> tuple[str, int, int]:
    node = reader.stat("/torn")
    return "extents of inode", node.ino, map_blocks(reader.image, node).own_blocks[0] * 1024 + 30


def in_block_map(reader: Ext4Reader) -> tuple[str, int, int]:
    own = map_blocks(reader.image, reader.inode(7)).own_blocks
    return "resize inode", 7, own[1] * 1024


def in_xattr_block(reader: Ext4Reader) -> tuple[str, int, int]:
    block = reader.stat("/short").xattr_block
    return "xattr block", block, block * 1024 + 1000


def in_large_value(reader: Ext4Reader) -> tuple[str, int, int]:
    attributes = read_attributes(reader.image, reader.stat("/torn"))
    ino = next(attribute.value_ino for attribute in attributes if attribute.value_ino)
    block = map_blocks(reader.image, reader.inode(ino)).runs[0].block
    return "inode", ino, block * 1024 + 77


def in_directory(reader: Ext4Reader, *, index: bool, last: bool) -> tuple[str, int, int]:
    node = reader.stat("/many")
    blocks = directory_blocks(reader.image, node, map_blocks(reader.image, node))
    index_blocks = sorted(read_index(reader.image, node, blocks).index_blocks)
    assert len(index_blocks) > 1  # an inner node too
    kind = index_blocks if index else sorted(set(range(len(blocks))) - set(index_blocks))
    return "directory", node.ino, blocks[kind[-1 if last else 0]] * 1024 + 44


def in_orphan_file(reader: Ext4Reader) -> tuple[str, int, int]:
    node = reader.inode(reader.layout.fields["s_orphan_file_inum"])
    block = map_blocks(reader.image, node).runs[0].block
    return "orphan block", block, block * 1024 + 1023


PLACES: dict[str, Place] = {
    "superblock": lambda _: ("superblock", 0, EXT4_SUPERBLOCK_OFFSET + 0x88),
    "backup": lambda reader: (
        "superblock backup of group",
        3,
        reader.layout.group_start(3) * 1024 + 0x89,
    ),
    "group_descriptor": lambda _: ("group", 2, 2048 + 2 * 64 + 0x34),
    "block_bitmap": lambda reader: (
        "block bitmap",
        1,
        reader.image.group(1).block_bitmap * 1024 + 5,
    ),
    "inode_bitmap": lambda reader: (
        "inode bitmap",
        0,
        reader.image.group(0).inode_bitmap * 1024 + 5,
    ),
    "inode": in_inode,
    "journal": in_journal,
    "extent_block": in_extent_block,
    "block_map": in_block_map,
    "xattr_block": in_xattr_block,
    "large_value": in_large_value,
    "index_root": lambda reader: in_directory(reader, index=True, last=False),
    "index_node": lambda reader: in_directory(reader, index=True, last=True),
    "leaf": lambda reader: in_directory(reader, index=False, last=True),
    "orphan_file": in_orphan_file,
}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_damage_is_named(place: str, sound: Path, tmp_path: Path) -> None:
    with open_ext4(sound) as reader:
        structure, number, offset = PLACES[place](reader)
    image = copy(sound, tmp_path)
    patch(image, offset, bytes([peek(image, offset)[0] ^ 0x10]))
    problems = problems_of(image)
    assert (structure, number) in [(error.structure, error.number) for error in problems]
    assert all(str(error).startswith(f"{error.structure} {error.number}: ") for error in problems)


def problems_of(image: Path) -> list[DamagedError]:
    try:
        with open_ext4(image) as reader:
            return reader.verify()
    except DamagedError as error:
        return [error]


def copy(image: Path, directory: Path) -> Path:
    return Path(shutil.copy(image, directory / "damaged.ext4"))


def peek(image: Path, offset: int, length: int = 1) -> bytes:
    with image.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def patch(image: Path, offset: int, data: bytes) -> None:
    with image.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def patch_superblock(image: Path, field: str, data: bytes) -> None:
    """Change a field and put the checksum right again."""
    patch(image, EXT4_SUPERBLOCK_OFFSET + SUPERBLOCK.offsets[field], data)
    covered = peek(image, EXT4_SUPERBLOCK_OFFSET, SUPERBLOCK.offsets["s_checksum"])
    at = EXT4_SUPERBLOCK_OFFSET + SUPERBLOCK.offsets["s_checksum"]
    patch(image, at, ext4_crc(CRC_START, covered).to_bytes(4, "little"))


CONTRADICTIONS = [
    # debugfs's command, and what verify must say
    ("clri <{one}>", r"^directory 2: b'o.*' leads to inode {one}, which is not in use$"),
    ("sif <{one}> links_count 3", r"^inode {one}: has 3 links, but 2 names$"),
    ("sif <{one}> blocks 4", r"^inode {one}: i_blocks is 4, expected 2$"),
    ("sif <{big}> size 1000", r"^inode {big}: size is 1000, but block \d+ is written$"),
    ("freei <{one}>", r"^inode {one}: has links, but is free in the bitmap$"),
    ("freeb {block} 1", r"^block bitmap \d+: 1 blocks from {block} are in use, but free in"),
    ("ssv free_blocks_count 17", r"^superblock 0: 17 free blocks, expected \d+$"),
    ("ssv free_inodes_count 17", r"^superblock 0: 17 free inodes, expected \d+$"),
    ("ssv last_orphan 12", r"^superblock 0: inode 12 waits to be deleted"),
    (
        "set_bg 1 free_blocks_count 3; set_bg 1 checksum calc",
        r"^group 1: 3 free blocks, expected \d+$",
    ),
    (
        "set_bg 1 free_inodes_count 3; set_bg 1 checksum calc",
        r"^group 1: 3 free inodes, expected \d+$",
    ),
    (
        "set_bg 0 used_dirs_count 77; set_bg 0 checksum calc",
        r"^group 0: 77 directories, expected \d+$",
    ),
    ("unlink /deep", r"^directory {deep}: can't be reached from the root$"),
    ("unlink /sparse", r"^inode {sparse}: is in use, but no name leads there$"),
    ("ln <{deep}> /twice", r"^directory {deep}: is in two places$"),
    ("sif <{one}> mode 0010644", r"^directory 2: b'o.*' has type 1, but its inode does not$"),
]


@pytest.mark.parametrize(
    ("command", "message"),
    CONTRADICTIONS,
    ids=[command for command, _ in CONTRADICTIONS],
)
def test_contradiction_with_right_checksums_is_found(
    command: str, message: str, sound: Path, tmp_path: Path
) -> None:
    need("debugfs")
    image = copy(sound, tmp_path)
    with open_ext4(sound) as reader:
        numbers = {
            "one": reader.stat("/one").ino,
            "big": reader.stat("/size-300000").ino,
            "deep": reader.stat("/deep").ino,
            "sparse": reader.stat("/sparse").ino,
            "block": map_blocks(reader.image, reader.stat("/sparse")).runs[0].block,
        }
    script = tmp_path / "commands"
    script.write_text(command.format(**numbers).replace("; ", "\n"))
    run("debugfs", "-w", "-f", script, image)
    found = [str(error) for error in problems_of(image)]
    assert any(re.search(message.format(**numbers), text) for text in found), found


@pytest.mark.parametrize("feature", ["journal_dev", "encrypt", "casefold", "mmp", "dirdata"])
def test_feature_that_is_not_known_is_refused_by_name(
    feature: str, sound: Path, tmp_path: Path
) -> None:
    image = copy(sound, tmp_path)
    word, bit = FEATURES[feature]
    with open_ext4(sound) as reader:
        value = reader.layout.fields[word] | bit
    patch_superblock(image, word, value.to_bytes(4, "little"))
    with pytest.raises(UnsupportedError, match=f"^{feature}: can't read"):
        open_ext4(image)


def test_feature_without_a_name_is_refused_by_number(sound: Path, tmp_path: Path) -> None:
    image = copy(sound, tmp_path)
    patch_superblock(image, "s_feature_incompat", (0xC2 | 1 << 29).to_bytes(4, "little"))
    with pytest.raises(UnsupportedError, match=r"^FEATURE_I29: can't read"):
        open_ext4(image)


def test_unknown_ro_compat_feature_can_be_read_but_not_verified(
    sound: Path, tmp_path: Path
) -> None:
    image = copy(sound, tmp_path)
    with open_ext4(sound) as reader:
        value = reader.layout.fields["s_feature_ro_compat"] | 1 << 30
    patch_superblock(image, "s_feature_ro_compat", value.to_bytes(4, "little"))
    with open_ext4(image) as reader:
        assert reader.read("/one") == b"1"
        with pytest.raises(UnsupportedError, match=r"^FEATURE_R30: can't verify"):
            reader.verify()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an ext4 filesystem, the file ends at byte 0"),
        (bytes(2047), "not an ext4 filesystem, the file ends at byte 2047"),
        (bytes(4096), "not an ext4 filesystem, magic is 0x0000"),
    ],
)
def test_no_filesystem(content: bytes, message: str, tmp_path: Path) -> None:
    image = tmp_path / "other"
    image.write_bytes(content)
    with pytest.raises(DamagedError, match=f"^superblock 0: {message}$"):
        open_ext4(image)


def test_image_cut_short(sound: Path, tmp_path: Path) -> None:
    image = copy(sound, tmp_path)
    size = image.stat().st_size
    os.truncate(image, size - 1)
    message = f"^superblock 0: the file has {size - 1} bytes, the filesystem {size}$"
    with pytest.raises(DamagedError, match=message):
        open_ext4(image)


def test_random_damage_without_checksums_ends_in_our_errors(tmp_path: Path) -> None:
    need_root()
    need("mke2fs", "mount", "setfacl")
    image = make_image(
        tmp_path / "soft.ext4",
        *("-t", "ext4", "-b", "1024", "-O", "^metadata_csum,inline_data,^has_journal"),
        size="8M",
    )
    with mounted(image, write=True) as root:
        fill(root)
    with open_ext4(image) as reader:
        layout = reader.layout
        spots = [range(1024, 2048 + 64)]
        table = reader.image.group(0).inode_table * 1024
        spots += [range(table, table + 400 * layout.inode_size)]
        spots += [
            range(block * 1024, block * 1024 + 1024)
            for path in ("/", "/many", "/deep")
            for run_ in map_blocks(reader.image, reader.stat(path)).runs
            for block in range(run_.block, run_.block + run_.length)
        ]
    source = random.Random(20)
    outcomes = set()
    for _ in range(150):
        damaged = copy(image, tmp_path)
        for _ in range(source.choice((1, 3, 10))):
            spot = source.choice(source.choice(spots))
            patch(damaged, spot, source.choice((b"\0", b"\xff", source.randbytes(1))))
        outcomes.add(outcome(damaged))
    assert outcomes >= {"DamagedError", "sound"}
    assert outcomes <= {"DamagedError", "UnsupportedError", "sound"}


def outcome(image: Path) -> str:
    try:
        with open_ext4(image) as reader:
            problems = reader.verify()
            reader.to_tree()
    except Ext4Error as error:
        return type(error).__name__
    return "DamagedError" if problems else "sound"
