"""What the filesystem writer does for `Options.verity`: refuse, append, compare.

A filesystem whose blocks are hashed can never be written to, not even to replay a journal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

from pyext4.errors import OptionsError, RootHashError
from pyext4.options import VerityOptions
from pyext4.verity.append import append_verity
from pyext4.verity.result import Verity
from pyext4.verity.superblock import MAX_SALT_BYTES

__all__ = ["append_checked", "check_verity"]

_FOR_WRITING: Final = ("has_journal", "resize_inode")
_ROOT_HASH_BYTES: Final = hashlib.sha256().digest_size


def check_verity(verity: VerityOptions, features: AbstractSet[str]) -> None:
    """Refuse options with which no image can be made.

    Raises:
        OptionsError: the filesystem is a writable one, or a value is out of range.
    """
    writable = [name for name in _FOR_WRITING if name in features]
    if writable:
        reason = (
            "the kernel refuses every write to a device with hashes, so use the profile"
            f" readonly, or remove: {', '.join(writable)}"
        )
        raise OptionsError("verity", reason)
    if verity.salt is not None and len(verity.salt) > MAX_SALT_BYTES:
        reason = f"must be up to {MAX_SALT_BYTES} bytes, not: {len(verity.salt)}"
        raise OptionsError("verity salt", reason)
    if verity.root_hash is not None and len(verity.root_hash) != _ROOT_HASH_BYTES:
        reason = f"must be {_ROOT_HASH_BYTES} bytes, not: {len(verity.root_hash)}"
        raise OptionsError("verity root hash", reason)


def append_checked(
    fd: int, data_bytes: int, verity: VerityOptions, *, uuid: UUID, block_size: int
) -> Verity:
    """Append the hash area to a filesystem, and compare the root hash with the one expected.

    Raises:
        RootHashError: it is a different one.
        OSError: the file can't be read or written.
    """
    salt = verity.salt
    if salt is None:
        salt = hashlib.sha256(b"pyext4 verity salt " + uuid.bytes).digest()
    made = append_verity(fd, data_bytes, salt=salt, uuid=uuid, block_size=block_size)
    if verity.root_hash is not None and made.root_hash != verity.root_hash:
        raise RootHashError(expected=verity.root_hash, actual=made.root_hash)
    return made
