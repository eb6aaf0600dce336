"""The journal's superblock: the first block of the journal's inode. All of it is big-endian.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (journal.rst),
struct journal_superblock_s of include/linux/jbd2.h, its s_header's fields laid flat.
"""

from __future__ import annotations

from typing import Final

from construct import Bytes, Int8ub, Int32ub, Struct

__all__ = [
    "JBD2_CRC32C_CHKSUM",
    "JBD2_FEATURE_COMPAT_CHECKSUM",
    "JBD2_FEATURE_INCOMPAT_64BIT",
    "JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT",
    "JBD2_FEATURE_INCOMPAT_CSUM_V2",
    "JBD2_FEATURE_INCOMPAT_CSUM_V3",
    "JBD2_FEATURE_INCOMPAT_FAST_COMMIT",
    "JBD2_FEATURE_INCOMPAT_REVOKE",
    "JBD2_MAGIC_NUMBER",
    "JBD2_MIN_JOURNAL_BLOCKS",
    "JBD2_SUPERBLOCK_V1",
    "JBD2_SUPERBLOCK_V2",
    "JournalSuperblock",
]

JBD2_MAGIC_NUMBER: Final = 0xC03B3998
JBD2_MIN_JOURNAL_BLOCKS: Final = 1024

# h_blocktype of superblocks
JBD2_SUPERBLOCK_V1: Final = 3
JBD2_SUPERBLOCK_V2: Final = 4

JBD2_CRC32C_CHKSUM: Final = 4  # s_checksum_type

# s_feature_compat
JBD2_FEATURE_COMPAT_CHECKSUM: Final = 0x00000001

# s_feature_incompat
JBD2_FEATURE_INCOMPAT_REVOKE: Final = 0x00000001
JBD2_FEATURE_INCOMPAT_64BIT: Final = 0x00000002
JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT: Final = 0x00000004
JBD2_FEATURE_INCOMPAT_CSUM_V2: Final = 0x00000008
JBD2_FEATURE_INCOMPAT_CSUM_V3: Final = 0x00000010
JBD2_FEATURE_INCOMPAT_FAST_COMMIT: Final = 0x00000020

JournalSuperblock: Final = Struct(
    "h_magic" / Int32ub,  # 0x000: JBD2_MAGIC_NUMBER
    "h_blocktype" / Int32ub,  # 0x004: JBD2_SUPERBLOCK_V2
    "h_sequence" / Int32ub,  # 0x008: zero in a superblock
    "s_blocksize" / Int32ub,  # 0x00c: bytes of a block
    "s_maxlen" / Int32ub,  # 0x010: blocks of the journal
    "s_first" / Int32ub,  # 0x014: first block of the log
    "s_sequence" / Int32ub,  # 0x018: number of the first transaction in the log
    "s_start" / Int32ub,  # 0x01c: its block, 0: the log is empty
    "s_errno" / Int32ub,  # 0x020: error kept over a crash
    "s_feature_compat" / Int32ub,  # 0x024: JBD2_FEATURE_COMPAT_*
    "s_feature_incompat" / Int32ub,  # 0x028: JBD2_FEATURE_INCOMPAT_*
    "s_feature_ro_compat" / Int32ub,  # 0x02c: none exist
    "s_uuid" / Bytes(16),  # 0x030: the journal's UUID
    "s_nr_users" / Int32ub,  # 0x040: filesystems that share the journal
    "s_dynsuper" / Int32ub,  # 0x044: block of a dynamic copy of this, unused
    "s_max_transaction" / Int32ub,  # 0x048: blocks of a transaction, unused
    "s_max_trans_data" / Int32ub,  # 0x04c: data blocks of a transaction, unused
    "s_checksum_type" / Int8ub,  # 0x050: JBD2_CRC32C_CHKSUM
    "s_padding2" / Bytes(3),  # 0x051: zero
    "s_num_fc_blks" / Int32ub,  # 0x054: blocks for fast commits
    "s_head" / Int32ub,  # 0x058: head of an empty log, since Linux 6.3
    "s_padding" / Bytes(160),  # 0x05c: zero
    "s_checksum" / Int32ub,  # 0x0fc: crc32c of this superblock with this field zero
    "s_users" / Bytes(768),  # 0x100: UUIDs of the filesystems that share the journal
)
