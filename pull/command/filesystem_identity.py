"""What a filesystem takes over from its image: UUID, hash seed and time, the same on every day."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from uuid import UUID

from pull.errors import SettingError
from pull.wording import in_short

__all__ = ["filesystem_time", "hash_seed_for", "uuid_for"]

_LAST_SECOND = (1 << 34) - (1 << 31) - 1  # that ext4 has: 2446-05-10
_FRACTION = re.compile(r"\.\d+")


def uuid_for(digest: str) -> UUID:
    """Derive the filesystem's UUID from the image's digest."""
    return _derived(b"pyext4 uuid ", digest)


def hash_seed_for(digest: str) -> UUID:
    """Derive the seed of directory hashes from the image's digest."""
    return _derived(b"pyext4 hash seed ", digest)


def filesystem_time(created: str | None, source_date_epoch: str | None) -> int:
    """Return seconds since the epoch: $SOURCE_DATE_EPOCH, else when the image was created, else 0.

    Raises:
        SettingError: The variable is set, but to no number of seconds.
    """
    if source_date_epoch is not None:
        if not re.fullmatch("[0-9]{1,18}", source_date_epoch):
            raise SettingError(
                "SOURCE_DATE_EPOCH", f"is no number: {in_short(source_date_epoch)!r}"
            )
        return int(source_date_epoch)
    if created is None:
        return 0
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", created))
    except ValueError:
        return 0  # it only tells when; an image is none the worse for it
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # tools that mean "no time" write the year 1, or 9999
    return min(max(0, int(moment.timestamp())), _LAST_SECOND)


def _derived(purpose: bytes, digest: str) -> UUID:
    value = bytearray(hashlib.sha256(purpose + digest.encode()).digest()[:16])
    # RFC 9562: version 8, whose bits have a meaning of their maker's
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    return UUID(bytes=bytes(value))
