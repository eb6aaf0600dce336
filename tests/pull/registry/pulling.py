"""How the tests pull: with little patience, and with a look at what is left in the cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pull import TransportOptions, pull
from pull.cache import Cache
from pull.cache.maintenance import verify
from pull.registry.credentials import Credentials

__all__ = ["HASTY", "IMPATIENT", "assert_sound", "contents", "fetch", "nobody"]

IMPATIENT = TransportOptions(
    plain_http=True,
    connect_timeout_seconds=5.0,
    read_timeout_seconds=30.0,  # a busy machine is no broken server
    attempts=4,
    backoff_seconds=0.001,
    retry_after_max_seconds=2.0,
)
HASTY = replace(IMPATIENT, read_timeout_seconds=0.5)
"""For servers that stall."""


def nobody(registry: str, repository: str) -> Credentials | None:
    """Find no credentials, whatever this machine's user has."""
    del registry, repository
    return None


def fetch(
    reference: str,
    cache_dir: Path,
    *,
    transport: TransportOptions = IMPATIENT,
    credentials: Credentials | None = None,
    platform: str = "linux/amd64",
    jobs: int = 3,
    offline: bool = False,
) -> list[bytes]:
    """Pull an image whole and return its layers' compressed bytes."""
    with pull(
        reference,
        cache_dir=cache_dir,
        platform=platform,
        credentials=lambda _registry, _repository: credentials,
        transport=transport,
        jobs=jobs,
        offline=offline,
    ) as image:
        image.fetch()
        read = []
        for layer in image.layers:
            with layer.open() as stream:
                read.append(stream.read())
        return read


def contents(cache_dir: Path) -> dict[str, bytes]:
    """Return every blob in a cache under its digest."""
    found = (cache_dir / "blobs").glob("*/*")
    return {f"{path.parent.name}:{path.name}": path.read_bytes() for path in found}


def assert_sound(cache_dir: Path) -> None:
    """Check that what has a final name in the cache deserves it."""
    assert [str(blob.digest) for blob, sound in verify(Cache(cache_dir)) if not sound] == []
