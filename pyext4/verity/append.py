"""Append the whole hash area to the file that has the data."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

from pyext4.errors import OptionsError
from pyext4.verity.result import HASH_BLOCK_BYTES, Verity
from pyext4.verity.superblock import MAX_SALT_BYTES, superblock
from pyext4.verity.tree import levels, write_tree

__all__ = ["append_verity"]

_BLOCK_SIZES: Final = (512, 1024, 2048, 4096)


def append_verity(
    target: Path | str | int,
    data_bytes: int,
    *,
    salt: bytes,
    uuid: UUID,
    block_size: int = HASH_BLOCK_BYTES,
) -> Verity:
    """Put a hash area after the first `data_bytes` of a file, for dm-verity.

    `target` is a path, or a descriptor open for reading and writing. Anything after the data is
    replaced. Data that does not end at a hash block (4096 bytes) is padded with zeros, which are
    hashed too. `block_size` is that of the data: the kernel doesn't mount a filesystem with smaller
    blocks than its device. Equal arguments and data give equal bytes. The superblock is written
    last. Nothing is synced.

    Raises:
        OptionsError: the salt is longer than 256 bytes, or a size is out of range.
        OSError: the file can't be read or written.
    """
    if len(salt) > MAX_SALT_BYTES:
        raise OptionsError("verity salt", f"must be up to {MAX_SALT_BYTES} bytes, not: {len(salt)}")
    if block_size not in _BLOCK_SIZES:
        raise OptionsError("verity block size", f"must be 512 to 4096, not: {block_size}")
    if data_bytes < 1:
        raise OptionsError("verity data", f"must be 1 byte or more, not: {data_bytes}")
    hash_offset = data_bytes + -data_bytes % HASH_BLOCK_BYTES
    data_blocks = hash_offset // block_size
    with ExitStack() as closing:
        if isinstance(target, int):
            fd = target
        else:
            fd = os.open(target, os.O_RDWR | os.O_CLOEXEC)
            closing.callback(os.close, fd)
        os.ftruncate(fd, data_bytes)
        verity = Verity(
            root_hash=b"",
            salt=salt,
            uuid=uuid,
            data_blocks=data_blocks,
            data_block_bytes=block_size,
            hash_offset=hash_offset,
            size_bytes=hash_offset + (1 + sum(levels(data_blocks))) * HASH_BLOCK_BYTES,
        )
        os.ftruncate(fd, verity.size_bytes)
        root_hash = write_tree(
            fd,
            verity.tree_offset,
            data_blocks=data_blocks,
            data_block_bytes=block_size,
            salt=salt,
        )
        _ = os.pwrite(fd, superblock(verity), hash_offset)
        return replace(verity, root_hash=root_hash)
