"""The superblock: 1024 bytes at byte 1024 of the device, and its backups.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (super.rst),
struct ext4_super_block of fs/ext4/ext4.h.
"""

from __future__ import annotations

from typing import Final

from construct import Bytes, Int8ul, Int16ul, Int32ul, Int64ul, Struct

__all__ = [
    "EXT2_FLAGS_SIGNED_HASH",
    "EXT2_FLAGS_UNSIGNED_HASH",
    "EXT4_CRC32C_CHKSUM",
    "EXT4_DEFM_ACL",
    "EXT4_DEFM_XATTR_USER",
    "EXT4_DYNAMIC_REV",
    "EXT4_ERRORS_CONTINUE",
    "EXT4_ERRORS_PANIC",
    "EXT4_ERRORS_RO",
    "EXT4_ERROR_FS",
    "EXT4_GOOD_OLD_FIRST_INO",
    "EXT4_GOOD_OLD_INODE_SIZE",
    "EXT4_GOOD_OLD_REV",
    "EXT4_MIN_DESC_SIZE",
    "EXT4_MIN_DESC_SIZE_64BIT",
    "EXT4_ORPHAN_FS",
    "EXT4_OS_LINUX",
    "EXT4_SUPERBLOCK_OFFSET",
    "EXT4_SUPER_MAGIC",
    "EXT4_VALID_FS",
    "EXT_JNL_BACKUP_BLOCKS",
    "Superblock",
]

EXT4_SUPERBLOCK_OFFSET: Final = 1024  # in bytes, whatever the block size
EXT4_SUPER_MAGIC: Final = 0xEF53

# s_state
EXT4_VALID_FS: Final = 0x0001  # unmounted cleanly
EXT4_ERROR_FS: Final = 0x0002  # errors were found
EXT4_ORPHAN_FS: Final = 0x0004  # orphans are being recovered

# s_errors
EXT4_ERRORS_CONTINUE: Final = 1
EXT4_ERRORS_RO: Final = 2
EXT4_ERRORS_PANIC: Final = 3

EXT4_OS_LINUX: Final = 0  # s_creator_os
EXT4_GOOD_OLD_REV: Final = 0  # s_rev_level: inode size and first inode are fixed
EXT4_DYNAMIC_REV: Final = 1  # s_rev_level: they are in the superblock
EXT4_GOOD_OLD_INODE_SIZE: Final = 128  # bytes
EXT4_GOOD_OLD_FIRST_INO: Final = 11
EXT4_MIN_DESC_SIZE: Final = 32  # bytes of a group descriptor without 64bit
EXT4_MIN_DESC_SIZE_64BIT: Final = 64  # bytes of a group descriptor with 64bit
EXT4_CRC32C_CHKSUM: Final = 1  # s_checksum_type: the only one
EXT_JNL_BACKUP_BLOCKS: Final = 1  # s_jnl_backup_type: s_jnl_blocks holds i_block and i_size

# s_flags
EXT2_FLAGS_SIGNED_HASH: Final = 0x0001  # directory hashes take a name's bytes as signed
EXT2_FLAGS_UNSIGNED_HASH: Final = 0x0002  # ... as unsigned

# s_default_mount_opts
EXT4_DEFM_XATTR_USER: Final = 0x0004
EXT4_DEFM_ACL: Final = 0x0008

Superblock: Final = Struct(
    "s_inodes_count" / Int32ul,  # 0x000: inodes in all groups together
    "s_blocks_count_lo" / Int32ul,  # 0x004: blocks of the filesystem, low half
    "s_r_blocks_count_lo" / Int32ul,  # 0x008: blocks only the superuser may take, low half
    "s_free_blocks_count_lo" / Int32ul,  # 0x00c: free blocks, low half
    "s_free_inodes_count" / Int32ul,  # 0x010: free inodes
    "s_first_data_block" / Int32ul,  # 0x014: block of the superblock: 1 with 1 KiB blocks, else 0
    "s_log_block_size" / Int32ul,  # 0x018: block size is 1024 << this
    "s_log_cluster_size" / Int32ul,  # 0x01c: cluster size is 1024 << this
    "s_blocks_per_group" / Int32ul,  # 0x020: blocks in a group
    "s_clusters_per_group" / Int32ul,  # 0x024: clusters in a group, with bigalloc
    "s_inodes_per_group" / Int32ul,  # 0x028: inodes in a group
    "s_mtime" / Int32ul,  # 0x02c: last mount, seconds since the epoch
    "s_wtime" / Int32ul,  # 0x030: last write, seconds since the epoch
    "s_mnt_count" / Int16ul,  # 0x034: mounts since the last check
    "s_max_mnt_count" / Int16ul,  # 0x036: mounts after which a check is due, 0xffff: never
    "s_magic" / Int16ul,  # 0x038: EXT4_SUPER_MAGIC
    "s_state" / Int16ul,  # 0x03a: EXT4_VALID_FS, ...
    "s_errors" / Int16ul,  # 0x03c: what to do on an error: EXT4_ERRORS_*
    "s_minor_rev_level" / Int16ul,  # 0x03e: minor revision
    "s_lastcheck" / Int32ul,  # 0x040: last check, seconds since the epoch
    "s_checkinterval" / Int32ul,  # 0x044: seconds after which a check is due, 0: never
    "s_creator_os" / Int32ul,  # 0x048: EXT4_OS_LINUX
    "s_rev_level" / Int32ul,  # 0x04c: EXT4_DYNAMIC_REV
    "s_def_resuid" / Int16ul,  # 0x050: user who may take reserved blocks
    "s_def_resgid" / Int16ul,  # 0x052: group that may take reserved blocks
    "s_first_ino" / Int32ul,  # 0x054: first inode number that is not reserved
    "s_inode_size" / Int16ul,  # 0x058: bytes of an inode in its table
    "s_block_group_nr" / Int16ul,  # 0x05a: group that this copy is in
    "s_feature_compat" / Int32ul,  # 0x05c: features whose absence in a kernel does no harm
    "s_feature_incompat" / Int32ul,  # 0x060: features without which nothing may be read
    "s_feature_ro_compat" / Int32ul,  # 0x064: features without which nothing may be written
    "s_uuid" / Bytes(16),  # 0x068: the filesystem's UUID
    "s_volume_name" / Bytes(16),  # 0x078: label, NUL-padded
    "s_last_mounted" / Bytes(64),  # 0x088: where it was mounted last, NUL-padded
    "s_algorithm_usage_bitmap" / Int32ul,  # 0x0c8: for compression, never used
    "s_prealloc_blocks" / Int8ul,  # 0x0cc: blocks to preallocate for files, unused
    "s_prealloc_dir_blocks" / Int8ul,  # 0x0cd: blocks to preallocate for directories, unused
    "s_reserved_gdt_blocks" / Int16ul,  # 0x0ce: blocks kept after the descriptors for growth
    "s_journal_uuid" / Bytes(16),  # 0x0d0: UUID of an external journal
    "s_journal_inum" / Int32ul,  # 0x0e0: inode of the journal
    "s_journal_dev" / Int32ul,  # 0x0e4: device of an external journal
    "s_last_orphan" / Int32ul,  # 0x0e8: head of the list of inodes to delete
    "s_hash_seed" / Bytes(16),  # 0x0ec: seed of the directory hash, 4 little-endian words
    "s_def_hash_version" / Int8ul,  # 0x0fc: hash of new directories: DX_HASH_*
    "s_jnl_backup_type" / Int8ul,  # 0x0fd: EXT_JNL_BACKUP_BLOCKS
    "s_desc_size" / Int16ul,  # 0x0fe: bytes of a group descriptor, with 64bit
    "s_default_mount_opts" / Int32ul,  # 0x100: EXT4_DEFM_*
    "s_first_meta_bg" / Int32ul,  # 0x104: first group of descriptors kept by meta_bg
    "s_mkfs_time" / Int32ul,  # 0x108: creation, seconds since the epoch
    "s_jnl_blocks" / Int32ul[17],  # 0x10c: the journal's i_block, i_size_high and i_size
    "s_blocks_count_hi" / Int32ul,  # 0x150: blocks of the filesystem, high half
    "s_r_blocks_count_hi" / Int32ul,  # 0x154: reserved blocks, high half
    "s_free_blocks_count_hi" / Int32ul,  # 0x158: free blocks, high half
    "s_min_extra_isize" / Int16ul,  # 0x15c: bytes that every inode has beyond 128
    "s_want_extra_isize" / Int16ul,  # 0x15e: bytes that new inodes get beyond 128
    "s_flags" / Int32ul,  # 0x160: EXT2_FLAGS_*
    "s_raid_stride" / Int16ul,  # 0x164: RAID stride in blocks
    "s_mmp_update_interval" / Int16ul,  # 0x166: seconds between multiple-mount checks
    "s_mmp_block" / Int64ul,  # 0x168: block of the multiple-mount protection
    "s_raid_stripe_width" / Int32ul,  # 0x170: RAID stripe width in blocks
    "s_log_groups_per_flex" / Int8ul,  # 0x174: a flex_bg has 1 << this groups
    "s_checksum_type" / Int8ul,  # 0x175: EXT4_CRC32C_CHKSUM
    "s_encryption_level" / Int8ul,  # 0x176: version of encryption
    "s_reserved_pad" / Int8ul,  # 0x177: padding
    "s_kbytes_written" / Int64ul,  # 0x178: KiB written in the filesystem's life
    "s_snapshot_inum" / Int32ul,  # 0x180: inode of the active snapshot, not in Linux
    "s_snapshot_id" / Int32ul,  # 0x184: number of the active snapshot, not in Linux
    "s_snapshot_r_blocks_count" / Int64ul,  # 0x188: blocks kept for it, not in Linux
    "s_snapshot_list" / Int32ul,  # 0x190: head of the list of snapshots, not in Linux
    "s_error_count" / Int32ul,  # 0x194: errors since the last check
    "s_first_error_time" / Int32ul,  # 0x198: first error, seconds since the epoch
    "s_first_error_ino" / Int32ul,  # 0x19c: its inode
    "s_first_error_block" / Int64ul,  # 0x1a0: its block
    "s_first_error_func" / Bytes(32),  # 0x1a8: function that found it, NUL-padded
    "s_first_error_line" / Int32ul,  # 0x1c8: and the line
    "s_last_error_time" / Int32ul,  # 0x1cc: last error, seconds since the epoch
    "s_last_error_ino" / Int32ul,  # 0x1d0: its inode
    "s_last_error_line" / Int32ul,  # 0x1d4: line that found it
    "s_last_error_block" / Int64ul,  # 0x1d8: its block
    "s_last_error_func" / Bytes(32),  # 0x1e0: function that found it, NUL-padded
    "s_mount_opts" / Bytes(64),  # 0x200: mount options as text, NUL-padded
    "s_usr_quota_inum" / Int32ul,  # 0x240: inode of user quotas
    "s_grp_quota_inum" / Int32ul,  # 0x244: inode of group quotas
    "s_overhead_clusters" / Int32ul,  # 0x248: clusters that metadata take, 0: not counted
    "s_backup_bgs" / Int32ul[2],  # 0x24c: groups with backups under sparse_super2
    "s_encrypt_algos" / Bytes(4),  # 0x254: encryption algorithms in use
    "s_encrypt_pw_salt" / Bytes(16),  # 0x258: salt of encryption
    "s_lpf_ino" / Int32ul,  # 0x268: inode of lost+found, unused
    "s_prj_quota_inum" / Int32ul,  # 0x26c: inode of project quotas
    "s_checksum_seed" / Int32ul,  # 0x270: seed of checksums, with metadata_csum_seed
    "s_wtime_hi" / Int8ul,  # 0x274: bits 32 to 39 of s_wtime
    "s_mtime_hi" / Int8ul,  # 0x275: bits 32 to 39 of s_mtime
    "s_mkfs_time_hi" / Int8ul,  # 0x276: bits 32 to 39 of s_mkfs_time
    "s_lastcheck_hi" / Int8ul,  # 0x277: bits 32 to 39 of s_lastcheck
    "s_first_error_time_hi" / Int8ul,  # 0x278: bits 32 to 39 of s_first_error_time
    "s_last_error_time_hi" / Int8ul,  # 0x279: bits 32 to 39 of s_last_error_time
    "s_first_error_errcode" / Int8ul,  # 0x27a: kind of the first error
    "s_last_error_errcode" / Int8ul,  # 0x27b: kind of the last error
    "s_encoding" / Int16ul,  # 0x27c: encoding of names, with casefold
    "s_encoding_flags" / Int16ul,  # 0x27e: flags of that encoding
    "s_orphan_file_inum" / Int32ul,  # 0x280: inode of the orphan file
    "s_reserved" / Bytes(376),  # 0x284: zero
    "s_checksum" / Int32ul,  # 0x3fc: crc32c of all before it
)
