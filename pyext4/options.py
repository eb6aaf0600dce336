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
    """A tree of hashes behind a filesystem that is never written to, for the kernel's dm-verity.

    Attributes:
        salt: Hashed before each block, 256 bytes at most; None: derived from the filesystem's uuid.
        root_hash: Refuse to make an image with another, 32 bytes; None: any will do.
    """

    salt: bytes | None = None
    root_hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The properties of the filesystem that its content does not decide.

    Nothing here is read from the environment or a clock: equal options and an equal tree give
    equal bytes.

    Attributes:
        size_bytes: Exact size of the image; None: the content and `free_bytes`.
        smallest: As small as the content allows: nothing free, no room to grow.
        free_bytes: Free space beyond the content; None: 64 MiB or 10 percent, the larger.
        label: The filesystem's name, s_volume_name, 16 bytes at most.
        uuid: The filesystem's, s_uuid; None: derived from the tree.
        hash_seed: What hashes of names begin with, s_hash_seed; None: derived from the uuid.
        timestamp: When it was made, in seconds since 1970: s_mkfs_time, s_wtime, times of
            /lost+found.
        profile: What it is for. `default`: what mke2fs makes; `compat`: without what old kernels
            and tools don't know; `readonly`: packed, without journal and room to grow.
        features: mke2fs's names of features to add, or to remove with ^ before them, such as
            `("^has_journal",)`.
        block_size_bytes: 1024, 2048 or 4096.
        inodes: How many inodes there are at least; None: by `bytes_per_inode`.
        bytes_per_inode: One inode for so many bytes of the image, and a quarter more than the tree
            uses, where that is more; None: 16384, or nothing beyond the tree's in an image that is
            packed.
        journal_bytes: Size of the journal; None: as mke2fs chooses by the image's size.
        reserved_percent: Of all blocks, for root alone, 0 to 50.
        hash_version: Of indexed directories: `half_md4` or `tea`.
        verity: Append hashes for dm-verity; None: don't.
    """

    size_bytes: int | None = None
    smallest: bool = False
    free_bytes: int | None = None
    label: bytes = b""
    uuid: UUID | None = None
    hash_seed: UUID | None = None
    timestamp: int = 0
    profile: Profile = "default"
    features: tuple[str, ...] = ()
    block_size_bytes: int = 4096
    inodes: int | None = None
    bytes_per_inode: int | None = None
    journal_bytes: int | None = None
    reserved_percent: float = 0.0
    hash_version: Literal["half_md4", "tea"] = "half_md4"
    verity: VerityOptions | None = None
