"""What a filesystem takes from its image: UUID, hash seed and time, the same on every run.

This also makes the options for `pyext4`.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from uuid import UUID

from pull.command.request import Job
from pull.image import PulledImage
from pyext4 import Options, VerityOptions

__all__ = ["filesystem_time", "hash_seed_for", "options_for", "uuid_for"]

_LAST_SECOND = (1 << 34) - (1 << 31) - 1  # of ext4: 2446-05-10
_FRACTION = re.compile(r"\.\d+")


def uuid_for(digest: str) -> UUID:
    """Derive the filesystem's UUID from the image's digest."""
    return _derived(b"pyext4 uuid ", digest)


def hash_seed_for(digest: str) -> UUID:
    """Derive the seed of directory hashes from the image's digest."""
    return _derived(b"pyext4 hash seed ", digest)


def filesystem_time(created: str | None, source_date_epoch: int | None) -> int:
    """Return seconds since 1970: $SOURCE_DATE_EPOCH, else when the image was created, else 0."""
    if source_date_epoch is not None:
        return source_date_epoch
    if created is None:
        return 0
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", created))
    except ValueError:
        return 0  # it only tells when; the image is fine without it
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # tools write the year 1 or 9999 for "no time"
    return min(max(0, int(moment.timestamp())), _LAST_SECOND)


def options_for(job: Job, image: PulledImage) -> Options:
    """Return the filesystem options that follow from a job and its image."""
    asked = job.filesystem
    told = _told(job, image)
    return Options(
        size_bytes=asked.size_bytes,
        smallest=asked.smallest,
        free_bytes=asked.free_bytes,
        label=os.fsencode(asked.label),
        # what this machine adds is in no digest: the tree itself has to tell images apart
        uuid=asked.uuid or (None if told is None else uuid_for(told)),
        hash_seed=None if told is None else hash_seed_for(told),
        timestamp=filesystem_time(image.config.created, job.source_date_epoch),
        profile=asked.profile,
        features=asked.features,
        block_size_bytes=asked.block_size_bytes,
        inodes=asked.inodes,
        bytes_per_inode=asked.bytes_per_inode,
        journal_bytes=asked.journal_bytes,
        reserved_percent=asked.reserved_percent,
        verity=_verity(job, image),
    )


def _told(job: Job, image: PulledImage) -> str | None:
    """Return what tells the image from others: its digest, and how it is changed.

    None where files of this machine change it.
    """
    if not job.changes_the_image:
        return image.digest
    from flatten.text_layer import Text  # noqa: PLC0415  # not for unchanged images

    texts = [each for each in job.layers.additions if isinstance(each, Text)]
    if job.boot.adds_a_layer or len(texts) < len(job.layers.additions):
        return None
    changes = job.changes
    return ascii(  # repr depends on what this Python can print
        (
            image.digest,
            changes.exclude,
            [str(each) for each in changes.owners],
            job.source_date_epoch if changes.clamp_mtime else None,
            [(each.image, each.content) for each in texts],
        )
    )


def _verity(job: Job, image: PulledImage) -> VerityOptions | None:
    """Use the image's digest as the salt: no precomputed table serves two images.

    Anyone who knows the image can make the same hashes.
    """
    if job.verity is None:
        return None
    # the image's digest doesn't cover additions, but the filesystem's uuid does
    salt = None if job.changes_the_image else bytes.fromhex(image.digest.partition(":")[2])
    return VerityOptions(salt=salt, root_hash=job.verity.root_hash)


def _derived(purpose: bytes, digest: str) -> UUID:
    value = bytearray(hashlib.sha256(purpose + digest.encode()).digest()[:16])
    # RFC 9562: version 8, whose bits mean what their maker chooses
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    return UUID(bytes=bytes(value))
