"""metadata_csum: which bytes of each structure are summed, from which seed, into which field.

Everything is ext4's CRC-32C (`native.crc32c`, without the inversions at start and end). The file
system's seed is the crc of its UUID (or s_checksum_seed); an inode's seed continues it with its
number and generation, which is 0 in everything written here.

| structure         | seed       | bytes                                          | field         |
| ----------------- | ---------- | ---------------------------------------------- | ------------- |
| superblock        | ~0         | up to the field                                | s_checksum    |
| group descriptor  | filesystem | group number, descriptor with the field zero   | bg_checksum   |
| block bitmap      | filesystem | 8 * block size bits                            | descriptor    |
| inode bitmap      | filesystem | s_inodes_per_group bits                        | descriptor    |
| inode             | inode      | the whole slot with the fields zero            | i_checksum_*  |
| directory leaf    | inode      | up to the tail                                 | det_checksum  |
| htree index       | inode      | up to the last entry, then the tail, zero      | dt_checksum   |
| extent block      | inode      | header and eh_max entries                      | et_checksum   |
| xattr block       | filesystem | block number (64 bits), block with field zero  | h_checksum    |
| orphan file block | inode      | block number (64 bits), entries                | ob_checksum   |

Inodes and directory leaves are summed in `native`, where they are filled.

Specification: https://docs.kernel.org/filesystems/ext4/overview.html#checksums
"""

from __future__ import annotations

import struct
from uuid import UUID

from pyext4 import native
from pyext4.buffer import Buffer
from pyext4.numbers import MAX_32

__all__ = ["ONES", "crc16", "descriptor_crc", "fs_seed", "inode_seed", "numbered_block"]

ONES = MAX_32  # where ext4's crc begins


def fs_seed(uuid: UUID) -> int:
    """Return the seed of a filesystem."""
    return native.crc32c(ONES, uuid.bytes)


def inode_seed(seed: int, ino: int) -> int:
    """Return the seed of an inode's own structures."""
    return native.crc32c(seed, struct.pack("<II", ino, 0))


def numbered_block(seed: int, block: int, data: Buffer) -> int:
    """Return the checksum of a structure, preceded by the number of its block."""
    return native.crc32c(native.crc32c(seed, struct.pack("<Q", block)), data)


def descriptor_crc(seed: int, group: int, descriptor: Buffer) -> int:
    """Return bg_checksum for a descriptor in which that field is zero."""
    return native.crc32c(native.crc32c(seed, struct.pack("<I", group)), descriptor) & 0xFFFF


def crc16(crc: int, data: Buffer) -> int:
    """Continue the crc16 (reflected 0x8005) that uninit_bg's descriptors carry."""
    for byte in bytes(data):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
