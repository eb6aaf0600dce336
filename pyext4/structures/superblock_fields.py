"""The superblock and its copies.

Source: Documentation/filesystems/ext4/super.rst; the defaults are those of mke2fs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from pyext4 import native
from pyext4.numbers import MAX_32
from pyext4.ondisk.inode import EXT4_JOURNAL_INO
from pyext4.ondisk.superblock import (
    EXT2_FLAGS_SIGNED_HASH,
    EXT4_CRC32C_CHKSUM,
    EXT4_DEFM_ACL,
    EXT4_DEFM_XATTR_USER,
    EXT4_DYNAMIC_REV,
    EXT4_ERRORS_CONTINUE,
    EXT4_SUPER_MAGIC,
    EXT4_VALID_FS,
    EXT_JNL_BACKUP_BLOCKS,
    Superblock,
)
from pyext4.packer import FieldValue, Packer
from pyext4.space.geometry import FIRST_INO, Geometry
from pyext4.structures.checksum import ONES
from pyext4.structures.feature_sets import feature_words

__all__ = ["EXTRA_ISIZE", "Facts", "describe", "pack"]

EXTRA_ISIZE: Final = 32  # bytes of fields in use after the first 128 of an inode
_LOG_GROUPS_PER_FLEX: Final = 4  # mke2fs's default; bitmaps and tables follow the data here
_NEVER: Final = 0xFFFF  # s_max_mnt_count

_SUPERBLOCK = Packer(
    Superblock,
    zero=(
        # a new filesystem: no mount, no error, no orphan, nothing written by a kernel
        "s_mtime", "s_mtime_hi", "s_mnt_count", "s_last_mounted", "s_mount_opts",
        "s_last_orphan", "s_kbytes_written", "s_error_count",
        "s_first_error_time", "s_first_error_time_hi", "s_first_error_ino",
        "s_first_error_block", "s_first_error_func", "s_first_error_line",
        "s_first_error_errcode",
        "s_last_error_time", "s_last_error_time_hi", "s_last_error_ino",
        "s_last_error_block", "s_last_error_func", "s_last_error_line",
        "s_last_error_errcode",
        # zero is the right value: Linux, no check by time, reserved blocks for uid and gid 0
        "s_minor_rev_level", "s_checkinterval", "s_creator_os", "s_def_resuid", "s_def_resgid",
        # of features that are not made here
        "s_journal_uuid", "s_journal_dev", "s_first_meta_bg", "s_mmp_update_interval",
        "s_mmp_block", "s_usr_quota_inum", "s_grp_quota_inum", "s_prj_quota_inum",
        "s_backup_bgs", "s_encryption_level", "s_encrypt_algos", "s_encrypt_pw_salt",
        "s_encoding", "s_encoding_flags", "s_raid_stride", "s_raid_stripe_width",
        # unused
        "s_algorithm_usage_bitmap", "s_prealloc_blocks", "s_prealloc_dir_blocks",
        "s_snapshot_inum", "s_snapshot_id", "s_snapshot_r_blocks_count", "s_snapshot_list",
        "s_lpf_ino", "s_reserved_pad", "s_reserved",
    ),
)  # fmt: skip


class Facts(NamedTuple):
    """What a superblock holds besides the geometry."""

    features: frozenset[str]
    uuid: UUID
    hash_seed: UUID
    hash_version: int
    label: bytes
    timestamp: int
    free_blocks: int
    free_inodes: int
    reserved_blocks: int
    journal: tuple[bytes, int] | None  # i_block and size in bytes
    orphan_file_ino: int


def _overhead(geometry: Geometry) -> int:
    """Return the blocks that content can't use, as ext2fs_initialize counts them."""
    return (
        geometry.fixed.first_data_block
        + sum(geometry.copy_blocks for _ in geometry.copies())
        + geometry.groups * (2 + geometry.itable_blocks)
        + geometry.journal_blocks
    )


def _blocks(name: str, count: int) -> dict[str, int]:
    return {f"{name}_lo": count & MAX_32, f"{name}_hi": count >> 32}


def _times(names: Iterable[str], seconds: int) -> dict[str, int]:
    fields: dict[str, int] = {}
    for name in names:
        fields[name] = seconds & MAX_32
        fields[f"{name}_hi"] = seconds >> 32 & 0xFF
    return fields


def _journal_words(journal: tuple[bytes, int] | None) -> tuple[int, ...]:
    if journal is None:
        return (0,) * 17
    i_block, size_bytes = journal
    return (*struct.unpack("<15I", i_block), size_bytes >> 32, size_bytes & MAX_32)


def describe(geometry: Geometry, facts: Facts) -> dict[str, FieldValue]:
    """Return the fields that all copies have in common."""
    fixed = geometry.fixed
    csum = "metadata_csum" in facts.features
    log_block_size = fixed.block_size.bit_length() - 11
    return {
        **_blocks("s_blocks_count", geometry.blocks_count),
        **_blocks("s_r_blocks_count", facts.reserved_blocks),
        **_blocks("s_free_blocks_count", facts.free_blocks),
        **_times(("s_wtime", "s_lastcheck", "s_mkfs_time"), facts.timestamp),
        **feature_words(facts.features),
        "s_inodes_count": geometry.inodes_count,
        "s_free_inodes_count": facts.free_inodes,
        "s_first_data_block": fixed.first_data_block,
        "s_log_block_size": log_block_size,
        "s_log_cluster_size": log_block_size,
        "s_blocks_per_group": fixed.blocks_per_group,
        "s_clusters_per_group": fixed.blocks_per_group,
        "s_inodes_per_group": geometry.inodes_per_group,
        "s_max_mnt_count": _NEVER,
        "s_magic": EXT4_SUPER_MAGIC,
        "s_state": EXT4_VALID_FS,
        "s_errors": EXT4_ERRORS_CONTINUE,
        "s_rev_level": EXT4_DYNAMIC_REV,
        "s_first_ino": FIRST_INO,
        "s_inode_size": geometry.inode_size,
        "s_uuid": facts.uuid.bytes,
        "s_volume_name": facts.label.ljust(16, b"\0"),
        "s_reserved_gdt_blocks": (
            geometry.reserved_gdt_blocks if "resize_inode" in facts.features else 0
        ),
        "s_journal_inum": EXT4_JOURNAL_INO if facts.journal else 0,
        "s_hash_seed": facts.hash_seed.bytes,
        "s_def_hash_version": facts.hash_version,
        "s_jnl_backup_type": EXT_JNL_BACKUP_BLOCKS if facts.journal else 0,
        "s_jnl_blocks": _journal_words(facts.journal),
        "s_desc_size": fixed.desc_size if "64bit" in facts.features else 0,
        "s_default_mount_opts": EXT4_DEFM_XATTR_USER | EXT4_DEFM_ACL,
        "s_min_extra_isize": EXTRA_ISIZE,
        "s_want_extra_isize": EXTRA_ISIZE,
        "s_flags": EXT2_FLAGS_SIGNED_HASH,
        "s_log_groups_per_flex": _LOG_GROUPS_PER_FLEX,
        "s_checksum_type": EXT4_CRC32C_CHKSUM if csum else 0,
        "s_overhead_clusters": _overhead(geometry),
        "s_checksum_seed": (
            native.crc32c(ONES, facts.uuid.bytes) if "metadata_csum_seed" in facts.features else 0
        ),
        "s_orphan_file_inum": facts.orphan_file_ino,
    }


def pack(fields: Mapping[str, FieldValue], group: int, *, csum: bool) -> bytes:
    """Return the copy of a superblock that belongs to a group."""
    out = bytearray(_SUPERBLOCK.pack(**fields, s_block_group_nr=group & 0xFFFF, s_checksum=0))
    if csum:
        crc = native.crc32c(ONES, out[: _SUPERBLOCK.offsets["s_checksum"]])
        out[_SUPERBLOCK.offsets["s_checksum"] :] = crc.to_bytes(4, "little")
    return bytes(out)
