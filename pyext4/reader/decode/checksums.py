"""What each structure's checksum covers, from which seed, and which field holds it.

With metadata_csum everything carries a crc32c. The general seed is `crc32c(~0, s_uuid)` (or
s_checksum_seed). The seed of an inode's own blocks continues from it over the inode's number and
generation, so that a block in the wrong place is noticed. With uninit_bg alone, only group
descriptors carry a checksum, a crc16.

    superblock    ~0, all before s_checksum
    descriptor    seed, group number, the descriptor with bg_checksum zero: low 16 bits
    bitmaps       seed, the bits that are in use
    inode         inode seed, the inode with both halves of its checksum zero
    directory     inode seed, all before DirEntryTail
    index block   inode seed, all up to the last entry in use, DxTail with dt_checksum zero
    xattr block   seed, block number (64 bits), the block with h_checksum zero
    journal       ~0, JournalSuperblock with s_checksum zero
    orphan block  inode seed, block number (64 bits), all before OrphanBlockTail

This is written from the specification and shares only the crc with the writer's
`pyext4.structures.checksum`: a mistake in either shows when one reads what the other wrote.

Specification: https://docs.kernel.org/filesystems/ext4/overview.html (checksums.rst).
"""

from __future__ import annotations

from typing import Final

from pyext4 import native
from pyext4.buffer import Buffer
from pyext4.numbers import MAX_32

__all__ = ["CRC_START", "crc16", "dx_crc", "ext4_crc", "inode_seed", "with_zeros"]

CRC_START: Final = MAX_32


def ext4_crc(seed: int, data: Buffer) -> int:
    """Continue ext4's crc32c, which leaves out the final inversion, from `seed`."""
    return native.crc32c(seed, data)


def inode_seed(seed: int, ino: int, generation: int) -> int:
    """Return the seed of an inode and its own blocks."""
    return ext4_crc(seed, ino.to_bytes(4, "little") + generation.to_bytes(4, "little"))


def with_zeros(data: bytes, *stretches: tuple[int, int]) -> bytes:
    """Return `data` with zeros in each (offset, length)."""
    copy = bytearray(data)
    for offset, length in stretches:
        copy[offset : offset + length] = bytes(length)
    return bytes(copy)


def dx_crc(seed: int, block: bytes, entries_offset: int, count: int, limit: int) -> int:
    """Return the checksum of an index block, whose DxTail follows `limit` entries."""
    tail = entries_offset + 8 * limit
    crc = ext4_crc(seed, block[: entries_offset + 8 * count])
    return ext4_crc(crc, block[tail : tail + 4] + bytes(4))


def _crc16_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC16: Final = _crc16_table()


def crc16(data: bytes) -> int:
    """Return the crc16 (polynomial 0x8005, reflected, from ~0) that uninit_bg uses."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC16[(crc ^ byte) & 0xFF]
    return crc
