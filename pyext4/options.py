"""Every option for a filesystem to be written, with its unit and default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

__all__ = ["Options", "Profile", "VerityOptions"]

Profile: TypeAlias = Literal["default", "compat", "readonly"]
"""What the filesystem is for; see the table in `pyext4.structures.feature_sets`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerityOptions:
    """A hash tree after a filesystem that is never written to, for the kernel's dm-verity."""

    salt: bytes | None = None  # 256 bytes at most; None: derived from the filesystem's uuid
    root_hash: bytes | None = None  # refuse to make an image with another


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The properties of the filesystem that its content does not decide.

    Nothing here is read from the environment or a clock: equal options and an equal tree give
    equal bytes.
    """

    size_bytes: int | None = None  # exact size of the image; None: content plus free_bytes
    smallest: bool = False  # as small as the content allows: nothing free, no room to grow
    free_bytes: int | None = None  # free space beyond the content; None: 64 MiB or 10 %, the larger
    label: bytes = b""  # s_volume_name, 16 bytes at most
    uuid: UUID | None = None  # s_uuid; None: derived from the tree
    hash_seed: UUID | None = None  # s_hash_seed; None: derived from the uuid
    timestamp: int = 0  # seconds since the epoch: s_mkfs_time, s_wtime, times of /lost+found
    profile: Profile = "default"
    features: tuple[str, ...] = ()  # mke2fs's names to add, or to remove with ^ before them
    block_size_bytes: int = 4096  # 1024, 2048 or 4096
    inodes: int | None = None  # inodes at least; None: by bytes_per_inode
    # None: 16384, and at least a quarter more inodes than the tree uses; if the image is packed,
    # only the tree's
    bytes_per_inode: int | None = None
    journal_bytes: int | None = None  # None: as mke2fs chooses by the size
    reserved_percent: float = 0.0  # of all blocks, for root
    hash_version: Literal["half_md4", "tea"] = "half_md4"  # of indexed directories
    verity: VerityOptions | None = None  # None: no hashes
