"""The journal: an empty log, all zero except for its superblock.

Source: include/linux/jbd2.h, lib/ext2fs/mkjournal.c of e2fsprogs.
"""

from __future__ import annotations

from uuid import UUID

from pyext4.ondisk.jbd2 import JBD2_MAGIC_NUMBER, JBD2_SUPERBLOCK_V2, JournalSuperblock
from pyext4.packer import Packer

__all__ = ["superblock"]

_SUPERBLOCK = Packer(
    JournalSuperblock,
    zero=(
        "h_sequence",
        "s_start",  # the log is empty
        "s_errno",
        "s_feature_compat",  # the kernel sets features as it needs them
        "s_feature_incompat",
        "s_feature_ro_compat",
        "s_dynsuper",
        "s_max_transaction",  # unused
        "s_max_trans_data",
        "s_checksum_type",  # comes with a feature
        "s_padding2",
        "s_num_fc_blks",
        "s_head",
        "s_padding",
        "s_checksum",
        "s_users",  # of external journals
    ),
)


def superblock(uuid: UUID, *, blocks: int, block_size: int) -> bytes:
    """Return the first block of a journal of `blocks` blocks."""
    return _SUPERBLOCK.pack(
        h_magic=JBD2_MAGIC_NUMBER,
        h_blocktype=JBD2_SUPERBLOCK_V2,
        s_blocksize=block_size,
        s_maxlen=blocks,
        s_first=1,
        s_sequence=1,
        s_uuid=uuid.bytes,
        s_nr_users=1,
    ).ljust(block_size, b"\0")
