"""The journal: its superblock, the first block of its inode, and the log. All of it is big-endian.

A transaction in the log is descriptor blocks, each followed by the blocks that its tags name, and
revoke blocks, and a commit block at its end. Each of these begins with the same header, whose
fields are laid flat here.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (journal.rst),
include/linux/jbd2.h. The log of fast commits is in fs/ext4/fast_commit.h, little-endian.
"""

from __future__ import annotations

from typing import Final

from construct import Array, Bytes, Int8ub, Int16ub, Int16ul, Int32ub, Int32ul, Int64ub, Struct

__all__ = [
    "EXT4_FC_TAG_HEAD",
    "JBD2_COMMIT_BLOCK",
    "JBD2_CRC32C_CHKSUM",
    "JBD2_CRC32_CHKSUM",
    "JBD2_DEFAULT_FAST_COMMIT_BLOCKS",
    "JBD2_DESCRIPTOR_BLOCK",
    "JBD2_FEATURE_COMPAT_CHECKSUM",
    "JBD2_FEATURE_INCOMPAT_64BIT",
    "JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT",
    "JBD2_FEATURE_INCOMPAT_CSUM_V2",
    "JBD2_FEATURE_INCOMPAT_CSUM_V3",
    "JBD2_FEATURE_INCOMPAT_FAST_COMMIT",
    "JBD2_FEATURE_INCOMPAT_REVOKE",
    "JBD2_FLAG_ESCAPE",
    "JBD2_FLAG_LAST_TAG",
    "JBD2_FLAG_SAME_UUID",
    "JBD2_MAGIC_NUMBER",
    "JBD2_MIN_JOURNAL_BLOCKS",
    "JBD2_REVOKE_BLOCK",
    "JBD2_SUPERBLOCK_V1",
    "JBD2_SUPERBLOCK_V2",
    "CommitHeader",
    "FastCommitHead",
    "JournalBlockTag",
    "JournalBlockTag3",
    "JournalBlockTail",
    "JournalHeader",
    "JournalSuperblock",
    "RevokeHeader",
]

JBD2_MAGIC_NUMBER: Final = 0xC03B3998
JBD2_MIN_JOURNAL_BLOCKS: Final = 1024

JBD2_DEFAULT_FAST_COMMIT_BLOCKS: Final = 256

# h_blocktype in the log
JBD2_DESCRIPTOR_BLOCK: Final = 1
JBD2_COMMIT_BLOCK: Final = 2
JBD2_REVOKE_BLOCK: Final = 5

# h_blocktype of superblocks
JBD2_SUPERBLOCK_V1: Final = 3
JBD2_SUPERBLOCK_V2: Final = 4

JBD2_CRC32_CHKSUM: Final = 1  # h_chksum_type
JBD2_CRC32C_CHKSUM: Final = 4  # s_checksum_type

# t_flags
JBD2_FLAG_ESCAPE: Final = 1  # the block began with JBD2_MAGIC_NUMBER, which is zero in the log
JBD2_FLAG_SAME_UUID: Final = 2  # else 16 bytes of a UUID follow the tag
JBD2_FLAG_LAST_TAG: Final = 8

EXT4_FC_TAG_HEAD: Final = 9  # fc_tag of the first record in the area of fast commits

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

JournalHeader: Final = Struct(
    "h_magic" / Int32ub,  # 0x0: JBD2_MAGIC_NUMBER
    "h_blocktype" / Int32ub,  # 0x4: JBD2_*_BLOCK
    "h_sequence" / Int32ub,  # 0x8: number of the transaction
)

JournalBlockTag: Final = Struct(
    "t_blocknr" / Int32ub,  # 0x0: where the block belongs
    "t_checksum" / Int16ub,  # 0x4: low half of the crc32c, with CSUM_V2
    "t_flags" / Int16ub,  # 0x6: JBD2_FLAG_*
    "t_blocknr_high" / Int32ub,  # 0x8: with 64BIT only, else the tag ends before
)

JournalBlockTag3: Final = Struct(
    "t_blocknr" / Int32ub,  # 0x0: where the block belongs
    "t_flags" / Int32ub,  # 0x4: JBD2_FLAG_*
    "t_blocknr_high" / Int32ub,  # 0x8: with 64BIT only, but always there
    "t_checksum" / Int32ub,  # 0xc: crc32c of the journal's UUID, h_sequence and the block
)

JournalBlockTail: Final = Struct(
    "t_checksum" / Int32ub,  # 0x0: crc32c of the UUID and the block with this field zero
)

RevokeHeader: Final = Struct(
    "h_magic" / Int32ub,  # 0x0: JBD2_MAGIC_NUMBER
    "h_blocktype" / Int32ub,  # 0x4: JBD2_REVOKE_BLOCK
    "h_sequence" / Int32ub,  # 0x8: number of the transaction
    "r_count" / Int32ub,  # 0xc: bytes used in the block, this header included
)

CommitHeader: Final = Struct(
    "h_magic" / Int32ub,  # 0x00: JBD2_MAGIC_NUMBER
    "h_blocktype" / Int32ub,  # 0x04: JBD2_COMMIT_BLOCK
    "h_sequence" / Int32ub,  # 0x08: number of the transaction
    "h_chksum_type" / Int8ub,  # 0x0c: JBD2_CRC32_CHKSUM with COMPAT_CHECKSUM
    "h_chksum_size" / Int8ub,  # 0x0d: 4 with COMPAT_CHECKSUM
    "h_padding" / Bytes(2),  # 0x0e: zero
    "h_chksum" / Array(8, Int32ub),  # 0x10: the first alone is used
    "h_commit_sec" / Int64ub,  # 0x30: time of the commit
    "h_commit_nsec" / Int32ub,  # 0x38: and its nanoseconds
)

FastCommitHead: Final = Struct(
    "fc_tag" / Int16ul,  # 0x0: EXT4_FC_TAG_HEAD
    "fc_len" / Int16ul,  # 0x2: bytes of the record behind these two fields
    "fc_features" / Int32ul,  # 0x4: none exist
    "fc_tid" / Int32ul,  # 0x8: the transaction that it goes on from
)
