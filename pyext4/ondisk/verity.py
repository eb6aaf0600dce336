"""The superblock of dm-verity's hash area, which follows a filesystem.

Specification: https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity (on-disk format),
struct verity_sb of lib/verity/verity.c of cryptsetup. The kernel never reads it: it gets the same
facts from the device's table.
"""

from __future__ import annotations

from typing import Final

from construct import Bytes, Int16ul, Int32ul, Int64ul, Struct

__all__ = ["VERITY_HASH_TYPE_NORMAL", "VERITY_SIGNATURE", "VERITY_VERSION", "VeritySuperblock"]

VERITY_SIGNATURE: Final = b"verity\0\0"
VERITY_VERSION: Final = 1
VERITY_HASH_TYPE_NORMAL: Final = 1  # the salt before the data; 0, for Chrome OS, means after it

VeritySuperblock: Final = Struct(
    "signature" / Bytes(8),  # 0x000: VERITY_SIGNATURE
    "version" / Int32ul,  # 0x008: of this structure, VERITY_VERSION
    "hash_type" / Int32ul,  # 0x00c: VERITY_HASH_TYPE_NORMAL
    "uuid" / Bytes(16),  # 0x010: of the hash area
    "algorithm" / Bytes(32),  # 0x020: the kernel's name of the hash, filled up with zeros
    "data_block_size" / Int32ul,  # 0x040: bytes
    "hash_block_size" / Int32ul,  # 0x044: bytes
    "data_blocks" / Int64ul,  # 0x048: blocks of data_block_size that are hashed
    "salt_size" / Int16ul,  # 0x050: bytes
    "_pad1" / Bytes(6),  # 0x052: zero
    "salt" / Bytes(256),  # 0x058: filled up with zeros
    "_pad2" / Bytes(168),  # 0x158: zero
)
