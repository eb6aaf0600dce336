"""The records of the log: tags, revoked blocks, and what the checksums of each cover.

There are three kinds of checksums. With COMPAT_CHECKSUM the commit block has a crc32 of all
blocks of its transaction. With CSUM_V2 and CSUM_V3 every block has its own crc32c: descriptor and
revoke blocks in their tail, commit blocks in h_chksum, the others in their tags; V3 keeps all 32
bits there and V2 the lower half. Each begins with the journal's UUID.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (journal.rst),
fs/jbd2/recovery.c and fs/jbd2/commit.c.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from pyext4.errors import DamagedError
from pyext4.numbers import MAX_32
from pyext4.ondisk import jbd2
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import ext4_crc, with_zeros
from pyext4.reader.journal.log import Log

__all__ = [
    "Tag",
    "commit_is_sound",
    "crc32_be",
    "read_header",
    "read_revoked",
    "read_tags",
    "tail_is_sound",
]

_HEADER: Final = Packer(jbd2.JournalHeader)
_TAG: Final = Packer(jbd2.JournalBlockTag)
_TAG3: Final = Packer(jbd2.JournalBlockTag3)
_TAIL: Final = Packer(jbd2.JournalBlockTail)
_REVOKE: Final = Packer(jbd2.RevokeHeader)
_COMMIT: Final = Packer(jbd2.CommitHeader)
_UUID_BYTES: Final = 16
_FLAGS: Final = 0xFFFF  # of the 32 bits that V3 has for them the kernel looks at these

_SWAPPED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Tag(NamedTuple):
    """Where a block of the log belongs."""

    block: int
    escaped: bool  # its first four bytes were JBD2_MAGIC_NUMBER
    checksum: int  # 0 without checksums

    def vouches_for(self, log: Log, sequence: int, data: bytes) -> bool:
        """Tell whether this is the block that was logged (jbd2_block_tag_csum_verify)."""
        if not log.checksummed:
            return True
        crc = ext4_crc(ext4_crc(log.csum_seed, sequence.to_bytes(4, "big")), data)
        mask = MAX_32 if log.has(jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V3) else 0xFFFF
        return self.checksum == crc & mask


def read_header(data: bytes) -> tuple[int, int] | None:
    """Return (type, transaction) of a block of the log, None where it is no record."""
    fields = _HEADER.unpack(data)
    if fields["h_magic"] != jbd2.JBD2_MAGIC_NUMBER:
        return None
    return fields["h_blocktype"], fields["h_sequence"]


def read_tags(log: Log, data: bytes) -> Iterator[Tag]:
    """Yield the tags of a descriptor block."""
    third = log.has(jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V3)
    wide = log.has(jbd2.JBD2_FEATURE_INCOMPAT_64BIT)
    packer, size = (_TAG3, _TAG3.size) if third else (_TAG, _tag_size(log))
    end = len(data) - (_TAIL.size if log.checksummed else 0)
    padded = data + bytes(_TAG.size)  # a short tag at the end has no upper half
    at = _HEADER.size
    while at + size <= end:
        fields = packer.unpack(padded, at)
        flags = fields["t_flags"] & _FLAGS
        high = fields["t_blocknr_high"] << 32 if wide else 0
        escaped = bool(flags & jbd2.JBD2_FLAG_ESCAPE)
        yield Tag(fields["t_blocknr"] | high, escaped, fields["t_checksum"])
        if flags & jbd2.JBD2_FLAG_LAST_TAG:
            return
        at += size + (0 if flags & jbd2.JBD2_FLAG_SAME_UUID else _UUID_BYTES)


def _tag_size(log: Log) -> int:
    """Return the bytes of a tag that is not V3's (journal_tag_bytes in fs/jbd2/journal.c)."""
    size = _TAG.size
    if log.has(jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V2):
        size += 2  # once for a checksum that found its place elsewhere
    return size if log.has(jbd2.JBD2_FEATURE_INCOMPAT_64BIT) else size - 4


def read_revoked(log: Log, data: bytes) -> Iterator[int]:
    """Yield the blocks that a revoke block names.

    Raises:
        DamagedError: it says that it has more than a block holds.
    """
    count = _REVOKE.unpack(data)["r_count"]
    if count > len(data) - (_TAIL.size if log.checksummed else 0):
        raise DamagedError("journal", log.ino, f"a revoke block of {count} bytes")
    size = 8 if log.has(jbd2.JBD2_FEATURE_INCOMPAT_64BIT) else 4
    for at in range(_REVOKE.size, count - size + 1, size):
        yield int.from_bytes(data[at : at + size], "big")


def tail_is_sound(log: Log, data: bytes) -> bool:
    """Check a descriptor or revoke block (jbd2_descriptor_block_csum_verify)."""
    if not log.checksummed:
        return True
    at = len(data) - _TAIL.size
    expected = ext4_crc(log.csum_seed, with_zeros(data, (at, _TAIL.size)))
    return bool(_TAIL.unpack(data, at)["t_checksum"] == expected)


def commit_is_sound(log: Log, data: bytes, blocks_crc: int) -> bool:
    """Check a commit block; `blocks_crc` is crc32_be of its transaction's other blocks."""
    fields = _COMMIT.unpack(data)
    stated = fields["h_chksum"][0]
    kind = fields["h_chksum_type"], fields["h_chksum_size"]
    if log.checksummed:
        bare = with_zeros(data, (_COMMIT.offsets["h_chksum"], 4))
        # what stands behind the header may be old (jbd2_commit_block_csum_verify_partial)
        alone = bare[: _COMMIT.size].ljust(len(data), b"\0")
        return stated in (ext4_crc(log.csum_seed, bare), ext4_crc(log.csum_seed, alone))
    if log.fields["s_feature_compat"] & jbd2.JBD2_FEATURE_COMPAT_CHECKSUM:
        unused = (*kind, stated) == (0, 0, 0)
        return unused or (*kind, stated) == (jbd2.JBD2_CRC32_CHKSUM, 4, blocks_crc)
    return True


def crc32_be(crc: int, data: bytes) -> int:
    """Go on with Linux's crc32_be: zlib's with the bits of all bytes and of the sum swapped."""
    start = _swap(crc) ^ MAX_32
    return _swap(zlib.crc32(data.translate(_SWAPPED), start) ^ MAX_32)


def _swap(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "little").translate(_SWAPPED), "big")
