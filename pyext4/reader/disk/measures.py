"""A filesystem's measures and features, from its superblock.

The superblock's magic, checksum and features are checked first; then its numbers have to agree with
each other and with the size of the file.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (super.rst).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pyext4.errors import DamagedError, UnsupportedError
from pyext4.numbers import ceil_div
from pyext4.ondisk.dir_entry import DX_HASH_TEA
from pyext4.ondisk.features import FEATURES
from pyext4.ondisk.superblock import (
    EXT2_FLAGS_UNSIGNED_HASH,
    EXT4_CRC32C_CHKSUM,
    EXT4_DYNAMIC_REV,
    EXT4_GOOD_OLD_FIRST_INO,
    EXT4_GOOD_OLD_INODE_SIZE,
    EXT4_MIN_DESC_SIZE,
    EXT4_MIN_DESC_SIZE_64BIT,
    EXT4_SUPER_MAGIC,
    EXT4_SUPERBLOCK_OFFSET,
    Superblock,
)
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import CRC_START, ext4_crc

__all__ = ["SUPERBLOCK", "Layout", "feature_names", "read_layout"]

SUPERBLOCK: Final = Packer(Superblock)

# features whose structures this reader knows
_READABLE: Final = frozenset(
    {
        "filetype",
        "meta_bg",
        "extent",
        "64bit",
        "flex_bg",
        "ea_inode",
        "metadata_csum_seed",
        "large_dir",
        "inline_data",
    }
)
_MAX_LOG_BLOCK_SIZE: Final = 6  # 64 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The basis of all other numbers; sizes in bytes, counts in the unit of their name."""

    fields: dict[str, Any]  # the superblock's own, by the kernel's names
    features: frozenset[str]  # mke2fs's names; unknown bits as dumpe2fs writes them
    block_size: int
    blocks_count: int
    first_data_block: int
    blocks_per_group: int
    inodes_count: int
    inodes_per_group: int
    inode_size: int
    first_ino: int
    desc_size: int
    csum_seed: int
    hash_unsigned: bool
    hash_seed: tuple[int, ...]

    @property
    def groups_count(self) -> int:
        """Return the number of groups, including a shorter last one."""
        return ceil_div(self.blocks_count - self.first_data_block, self.blocks_per_group)

    @property
    def desc_blocks(self) -> int:
        """Return the number of blocks that all descriptors take."""
        return ceil_div(self.groups_count, self.descs_per_block)

    @property
    def descs_per_block(self) -> int:
        """Return the number of descriptors in a block."""
        return self.block_size // self.desc_size

    @property
    def checksummed(self) -> bool:
        """Tell whether metadata carry crc32c."""
        return "metadata_csum" in self.features

    @property
    def uuid(self) -> UUID:
        """Return the filesystem's UUID."""
        return UUID(bytes=self.fields["s_uuid"])

    @property
    def label(self) -> bytes:
        """Return the label without its padding."""
        return bytes(self.fields["s_volume_name"]).rstrip(b"\0")

    @property
    def super_block(self) -> int:
        """Return the block that the superblock is in, or begins in.

        With 1 KiB blocks and clusters, group 0 begins before it (descriptor_loc in
        fs/ext4/super.c).
        """
        return 1 if self.block_size == EXT4_SUPERBLOCK_OFFSET else self.first_data_block

    def group_start(self, group: int) -> int:
        """Return the first block of a group."""
        return self.first_data_block + group * self.blocks_per_group

    def group_blocks(self, group: int) -> int:
        """Return the number of blocks in a group."""
        return min(self.blocks_per_group, self.blocks_count - self.group_start(group))

    def has_super(self, group: int) -> bool:
        """Tell whether a group begins with a copy of the superblock."""
        if group == 0:
            return True
        if "sparse_super2" in self.features:
            return group in self.fields["s_backup_bgs"]
        if "sparse_super" not in self.features or group == 1:
            return True
        return any(_is_power(group, base) for base in (3, 5, 7))


def read_layout(raw: bytes, size_bytes: int) -> Layout:
    """Read a superblock of an image of `size_bytes`.

    Raises:
        DamagedError: it is not a superblock, its checksum is wrong, or its numbers don't agree.
        UnsupportedError: the journal must be replayed, or a feature isn't known.
    """
    if len(raw) < SUPERBLOCK.size:
        raise _damaged(f"not an ext4 filesystem, the file ends at byte {size_bytes}")
    fields = SUPERBLOCK.unpack(raw)
    if fields["s_magic"] != EXT4_SUPER_MAGIC:
        raise _damaged(f"not an ext4 filesystem, magic is {fields['s_magic']:#06x}")
    features = feature_names(fields)
    _check_checksum(raw, fields, features)
    _check_features(features)
    layout = _layout(fields, features)
    _check_numbers(layout, size_bytes)
    return layout


def feature_names(fields: dict[str, Any]) -> frozenset[str]:
    """Return the mke2fs names of the features in a superblock; unknown bits get a name too."""
    names = {name for name, (word, bit) in FEATURES.items() if fields[word] & bit}
    for word, letter in (
        ("s_feature_compat", "C"),
        ("s_feature_incompat", "I"),
        ("s_feature_ro_compat", "R"),
    ):
        known = sum(bit for name, bit in FEATURES.values() if name == word)
        unknown = fields[word] & ~known
        names |= {f"FEATURE_{letter}{bit}" for bit in range(32) if unknown >> bit & 1}
    return frozenset(names)


def _check_checksum(raw: bytes, fields: dict[str, Any], features: frozenset[str]) -> None:
    if "metadata_csum" not in features:
        return
    if fields["s_checksum_type"] != EXT4_CRC32C_CHKSUM:
        raise _damaged(f"unknown kind of checksum: {fields['s_checksum_type']}")
    expected = ext4_crc(CRC_START, raw[: SUPERBLOCK.offsets["s_checksum"]])
    if fields["s_checksum"] != expected:
        raise _damaged(f"checksum is {fields['s_checksum']:#010x}, expected {expected:#010x}")


def _check_features(features: frozenset[str]) -> None:
    if "needs_recovery" in features:
        reason = "the journal must be replayed first, mount the image once or run: e2fsck -p"
        raise UnsupportedError("needs_recovery", reason)
    incompat = {name for name, (word, _) in FEATURES.items() if word == "s_feature_incompat"}
    refused = [
        name
        for name in sorted(features)
        if (name in incompat or name.startswith("FEATURE_I")) and name not in _READABLE
    ]
    if refused:
        raise UnsupportedError(", ".join(refused), "can't read a filesystem with this feature")


def _layout(fields: dict[str, Any], features: frozenset[str]) -> Layout:
    if fields["s_log_block_size"] > _MAX_LOG_BLOCK_SIZE:
        raise _damaged(f"block size is 1024 << {fields['s_log_block_size']}")
    dynamic = fields["s_rev_level"] >= EXT4_DYNAMIC_REV
    if "metadata_csum_seed" in features:
        seed = fields["s_checksum_seed"]
    else:
        seed = ext4_crc(CRC_START, fields["s_uuid"])
    blocks_count_hi = fields["s_blocks_count_hi"] if "64bit" in features else 0
    hash_seed = fields["s_hash_seed"]
    return Layout(
        fields=fields,
        features=features,
        block_size=1024 << fields["s_log_block_size"],
        blocks_count=fields["s_blocks_count_lo"] | blocks_count_hi << 32,
        first_data_block=fields["s_first_data_block"],
        blocks_per_group=fields["s_blocks_per_group"],
        inodes_count=fields["s_inodes_count"],
        inodes_per_group=fields["s_inodes_per_group"],
        inode_size=fields["s_inode_size"] if dynamic else EXT4_GOOD_OLD_INODE_SIZE,
        first_ino=fields["s_first_ino"] if dynamic else EXT4_GOOD_OLD_FIRST_INO,
        desc_size=fields["s_desc_size"] if "64bit" in features else EXT4_MIN_DESC_SIZE,
        csum_seed=seed,
        hash_unsigned=bool(fields["s_flags"] & EXT2_FLAGS_UNSIGNED_HASH),
        hash_seed=tuple(int.from_bytes(hash_seed[at : at + 4], "little") for at in (0, 4, 8, 12)),
    )


def _check_numbers(layout: Layout, size_bytes: int) -> None:
    block_size = layout.block_size
    least_desc = EXT4_MIN_DESC_SIZE_64BIT if "64bit" in layout.features else EXT4_MIN_DESC_SIZE
    # an inode bitmap takes one block at most, a block bitmap too unless clusters make it smaller
    rules = {
        "inode size": _power_between(layout.inode_size, EXT4_GOOD_OLD_INODE_SIZE, block_size),
        "descriptor size": _power_between(layout.desc_size, least_desc, block_size),
        "blocks per group": layout.blocks_per_group > 0
        and (layout.blocks_per_group <= 8 * block_size or "bigalloc" in layout.features),
        "inodes per group": 0 < layout.inodes_per_group <= 8 * block_size,
        "clusters per group": layout.fields["s_clusters_per_group"] == layout.blocks_per_group
        or "bigalloc" in layout.features,
        "first inode": EXT4_GOOD_OLD_FIRST_INO <= layout.first_ino <= layout.inodes_count,
        "first data block": layout.first_data_block == int(block_size == 1024)
        or "bigalloc" in layout.features,
        "blocks count": layout.first_data_block < layout.blocks_count,
    }
    for what, sound in rules.items():
        if not sound:
            raise _damaged(f"impossible {what}")
    if layout.inodes_count != layout.groups_count * layout.inodes_per_group:
        raise _damaged(f"inodes count is {layout.inodes_count}, not that of all groups")
    if layout.fields["s_def_hash_version"] > DX_HASH_TEA:
        raise _damaged(f"unknown directory hash: {layout.fields['s_def_hash_version']}")
    if size_bytes < layout.blocks_count * block_size:
        raise _damaged(
            f"the file has {size_bytes} bytes, the filesystem {layout.blocks_count * block_size}"
        )


def _power_between(value: int, least: int, most: int) -> bool:
    return least <= value <= most and value & (value - 1) == 0


def _is_power(number: int, base: int) -> bool:
    power = base
    while power < number:
        power *= base
    return power == number


def _damaged(reason: str) -> DamagedError:
    return DamagedError("superblock", 0, reason)
