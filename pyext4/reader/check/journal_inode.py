"""Check the journal's superblock, also for transactions that must be replayed.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (journal.rst).
"""

from __future__ import annotations

from typing import Any, Final

from pyext4.errors import DamagedError, UnsupportedError
from pyext4.ondisk import jbd2
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import CRC_START, ext4_crc, with_zeros
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.inodes import read_inode
from pyext4.reader.disk.open_image import Image

__all__ = ["read_journal"]

_SUPERBLOCK: Final = Packer(jbd2.JournalSuperblock)
_CHECKSUMMED: Final = jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V2 | jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V3


def read_journal(image: Image) -> dict[str, Any] | None:
    """Return the journal superblock's fields, or None if the journal is not in the image.

    Raises:
        DamagedError: it is not a superblock, its checksum is wrong, or it doesn't match its inode.
        UnsupportedError: it holds transactions.
    """
    ino = image.layout.fields["s_journal_inum"]
    if "has_journal" not in image.layout.features or not ino:
        return None
    mapping = map_blocks(image, read_inode(image, ino))
    if not mapping.runs or mapping.runs[0].logical_block:
        raise _damaged(ino, "no blocks")
    raw = image.blocks(mapping.runs[0].block)[: _SUPERBLOCK.size]
    fields = _SUPERBLOCK.unpack(raw)
    kinds = (jbd2.JBD2_SUPERBLOCK_V1, jbd2.JBD2_SUPERBLOCK_V2)
    if fields["h_magic"] != jbd2.JBD2_MAGIC_NUMBER or fields["h_blocktype"] not in kinds:
        raise _damaged(ino, f"magic is {fields['h_magic']:#010x}, type {fields['h_blocktype']}")
    if fields["s_feature_incompat"] & _CHECKSUMMED:
        covered = with_zeros(raw, (_SUPERBLOCK.offsets["s_checksum"], 4))
        expected = ext4_crc(CRC_START, covered)
        if fields["s_checksum"] != expected:
            stated = fields["s_checksum"]
            raise _damaged(ino, f"checksum is {stated:#010x}, expected {expected:#010x}")
    if fields["s_blocksize"] != image.layout.block_size:
        raise _damaged(ino, f"block size is {fields['s_blocksize']}")
    if fields["s_maxlen"] > mapping.end:
        raise _damaged(ino, f"{fields['s_maxlen']} blocks, its inode has {mapping.end}")
    if fields["s_start"]:
        raise UnsupportedError("journal", "holds transactions to be replayed, run: e2fsck -p")
    return fields


def _damaged(ino: int, reason: str) -> DamagedError:
    return DamagedError("journal", ino, reason)
