"""The journal in its inode: its superblock, verified, and the ring of blocks that is the log.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (journal.rst),
fs/jbd2/journal.c.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Final

from pyext4.errors import DamagedError
from pyext4.ondisk import jbd2
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import CRC_START, ext4_crc, with_zeros
from pyext4.reader.disk.block_map import Run, map_blocks
from pyext4.reader.disk.inodes import read_inode
from pyext4.reader.disk.open_image import Image

__all__ = ["Log", "read_log"]

_SUPERBLOCK: Final = Packer(jbd2.JournalSuperblock)
_CHECKSUMMED: Final = jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V2 | jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V3


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A journal whose superblock is sound; its blocks are counted from the journal's beginning."""

    image: Image
    ino: int
    fields: dict[str, Any]  # the journal superblock's own, by the kernel's names
    runs: list[Run]

    @property
    def first(self) -> int:
        """Return the first block of the ring."""
        return int(self.fields["s_first"])

    @property
    def fast_blocks(self) -> int:
        """Return how many blocks at the journal's end are for fast commits (jbd2_fc_init)."""
        if not self.has(jbd2.JBD2_FEATURE_INCOMPAT_FAST_COMMIT):
            return 0
        wanted = int(self.fields["s_num_fc_blks"]) or jbd2.JBD2_DEFAULT_FAST_COMMIT_BLOCKS
        rest = self.fields["s_maxlen"] - wanted
        return wanted if rest >= jbd2.JBD2_MIN_JOURNAL_BLOCKS else 0

    @property
    def end(self) -> int:
        """Return the block behind the ring."""
        return int(self.fields["s_maxlen"]) - self.fast_blocks

    @property
    def checksummed(self) -> bool:
        """Tell whether each block of the log carries crc32c."""
        return self.has(_CHECKSUMMED)

    @property
    def csum_seed(self) -> int:
        """Return what the checksums of the log begin with."""
        return ext4_crc(CRC_START, self.fields["s_uuid"])

    def has(self, incompat: int) -> bool:
        """Tell whether the journal has a feature, JBD2_FEATURE_INCOMPAT_*."""
        return bool(self.fields["s_feature_incompat"] & incompat)

    def after(self, at: int, count: int = 1) -> int:
        """Return the block of the ring that follows `count` blocks after `at`."""
        return self.first + (at + count - self.first) % (self.end - self.first)

    def place(self, at: int) -> int:
        """Return where in the image a block of the journal stands.

        Raises:
            DamagedError: the journal has no such block.
        """
        index = bisect_right(self.runs, at, key=lambda run: run.logical_block) - 1
        run = self.runs[index] if index >= 0 else None
        if run is None or at >= run.logical_block + run.length or run.unwritten:
            raise _damaged(self.ino, f"no block {at}")
        return run.block + at - run.logical_block

    def read(self, at: int) -> bytes:
        """Read a block of the journal."""
        return self.image.stored_blocks(self.place(at))


def read_log(image: Image) -> Log | None:
    """Return the journal, or None where it is not in the image.

    Raises:
        DamagedError: it is none, its checksum is wrong, or it doesn't fit its inode.
    """
    ino = image.layout.fields["s_journal_inum"]
    if "has_journal" not in image.layout.features or not ino:
        return None
    mapping = map_blocks(image, read_inode(image, ino))
    if not mapping.runs or mapping.runs[0].logical_block:
        raise _damaged(ino, "no blocks")
    raw = image.stored_blocks(mapping.runs[0].block)[: _SUPERBLOCK.size]
    fields = _SUPERBLOCK.unpack(raw)
    kinds = (jbd2.JBD2_SUPERBLOCK_V1, jbd2.JBD2_SUPERBLOCK_V2)
    if fields["h_magic"] != jbd2.JBD2_MAGIC_NUMBER or fields["h_blocktype"] not in kinds:
        raise _damaged(ino, f"magic is {fields['h_magic']:#010x}, type {fields['h_blocktype']}")
    if fields["h_blocktype"] == jbd2.JBD2_SUPERBLOCK_V1:
        # which ends before the features (struct journal_superblock_s)
        fields |= {"s_feature_compat": 0, "s_feature_incompat": 0, "s_feature_ro_compat": 0}
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
    return Log(image=image, ino=ino, fields=fields, runs=mapping.runs)


def _damaged(ino: int, reason: str) -> DamagedError:
    return DamagedError("journal", ino, reason)
