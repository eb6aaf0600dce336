"""What `pull` gives: an image whose layers can be opened, oldest first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor, ImageConfig
from pull.spec.platforms import Platform

if TYPE_CHECKING:
    from pull.fetch.blobs import Blobs
    from pull.local.compression import Decompressed

__all__ = ["Layer", "PulledImage"]


class Layer:
    """One layer; opening it starts the download of everything missing from the cache."""

    def __init__(self, descriptor: Descriptor, diff_id: Digest | None, blobs: Blobs) -> None:
        self._descriptor = descriptor
        self._diff_id = diff_id
        self._blobs = blobs

    def __repr__(self) -> str:
        return f"Layer({self.digest})"

    @property
    def digest(self) -> str:
        """Name the compressed blob."""
        return str(self._descriptor.digest)

    @property
    def diff_id(self) -> str | None:
        """Name the uncompressed tar; None if the config does not."""
        return str(self._diff_id) if self._diff_id else None

    @property
    def media_type(self) -> str:
        """The descriptor's media type."""
        return self._descriptor.media_type

    @property
    def size(self) -> int:
        """Size of the compressed blob in bytes."""
        return self._descriptor.size

    def open(self) -> BinaryIO:
        """Open the compressed bytes, which may still be arriving; the caller closes the stream.

        A cached blob is hashed again only if there is no diff_id by which `flatten` can tell
        whether the uncompressed bytes are right.

        Raises:
            PullError, OSError: The bytes can't be had; reading can raise them too.
        """
        return self._blobs.open(self._descriptor, verify=self._diff_id is None)

    def open_uncompressed(self) -> Decompressed:
        """Open the tar inside, whatever the compression; the caller closes the stream.

        Nothing compares its bytes with the diff_id: read `open` through `flatten` for that, or hash
        them.

        Raises:
            PullError, OSError: See `open`.
        """
        from pull.local.compression import decompressed  # noqa: PLC0415  # conversions need none

        return decompressed(self.open())


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledImage:
    """An image for one platform; a context manager that ends its downloads."""

    reference: str  # in full: docker.io/library/debian:latest
    digest: str  # of the manifest for this platform
    platform: Platform
    config: ImageConfig
    layers: Sequence[Layer]
    platforms: Sequence[Platform]  # that the reference has images for
    is_local: bool  # on this machine from the beginning: nothing has to arrive
    _blobs: Blobs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def config_json(self) -> dict[str, object]:
        """Parse the whole config: environment, entry point, history and so on."""
        parsed: dict[str, object] = json.loads(self.config.raw)
        return parsed

    def start(self, above: int = 0) -> None:
        """Start downloading what is missing, before it is needed.

        The lowest `above` layers are not needed: `check` and `fetch` don't wait for them either.

        Raises:
            PullError, OSError: Something is missing and may not be fetched, there is no room for
                it (`NoRoomError`), or the cache is broken.
        """
        self._blobs.start(above)

    def missing_bytes(self, above: int = 0) -> int:
        """Return how many bytes of layers are neither in the cache nor begun there.

        The lowest `above` layers don't count.
        """
        return self._blobs.missing_bytes(above)

    def check(self) -> None:
        """Return once every layer's bytes are verified; call this before publishing a result.

        Raises:
            PullError, OSError: A layer is not what its digest promises, or does not come.
        """
        self._blobs.check()

    def fetch(self) -> None:
        """Return once every layer is complete and verified in the cache.

        Raises:
            PullError, OSError: A layer is not what its digest promises, or does not come.
        """
        self._blobs.fetch()

    def repair(self, digest: str) -> bool:
        """Verify a layer blob that caused trouble.

        Returns True if it was damaged in the cache: it has been dropped, and the work with the
        image can start over. False: the fault is the image's own.
        """
        return self._blobs.repair(Digest.parse(digest))

    def abort(self) -> None:
        """Make all threads that read or wait for layers fail soon.

        Takes no lock: a signal handler may call it, so that a program whose threads wait for a slow
        registry can exit at once.
        """
        self._blobs.abort()

    def close(self) -> None:
        """End downloads in progress; what they have stays for next time."""
        self._blobs.close()
