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
    """A hash area after its data, in one file."""

    root_hash: bytes
    salt: bytes
    uuid: UUID
    data_blocks: int
    data_block_bytes: int
    hash_offset: int  # of the superblock in the file; the data reaches up to it
    size_bytes: int  # of the file, with the hash area

    @property
    def tree_offset(self) -> int:
        """Where the tree begins in the file: in the block after the superblock."""
        return self.hash_offset + HASH_BLOCK_BYTES
