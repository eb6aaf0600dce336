"""What is known about a hash area: enough to check it, and to tell the kernel about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

__all__ = ["ALGORITHM", "HASH_BLOCK_BYTES", "Verity"]

ALGORITHM: Final = "sha256"
HASH_BLOCK_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Verity:
    """A hash area behind its data, in one file.

    Attributes:
        root_hash: What vouches for all of the data, 32 bytes.
        salt: Hashed before each block.
        uuid: The hash area's.
        data_blocks: How many blocks of data there are.
        data_block_bytes: Of a block of data.
        hash_offset: Where the hash area's superblock is in the file; the data reaches up to it.
        size_bytes: Of the file, with the hash area.
    """

    root_hash: bytes
    salt: bytes
    uuid: UUID
    data_blocks: int
    data_block_bytes: int
    hash_offset: int
    size_bytes: int

    @property
    def tree_offset(self) -> int:
        """Where the tree begins in the file: in the block after the superblock."""
        return self.hash_offset + HASH_BLOCK_BYTES
