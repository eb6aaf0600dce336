"""Foreign layers: blobs that no registry may distribute, fetched from the URLs listed with them.

Source: https://github.com/opencontainers/image-spec/blob/main/descriptor.md, "urls".
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from pull.errors import PullError, RegistryError, SizeMismatchError, TransportError
from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor

__all__ = ["ForeignUrls"]

_T = TypeVar("_T")


class ForeignUrls:
    """Goes from one URL of a blob to the next; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[Digest, str] = {}  # the URL that a blob was last opened at
        self._rejected: set[tuple[Digest, str]] = set()

    def first(self, descriptor: Descriptor, action: Callable[[str], _T], failure: PullError) -> _T:
        """Run an action on the URLs, in their order, until one answers.

        Raises:
            PullError: The last one's error, or `failure` if there is none to ask.
        """
        for url in self._left(descriptor):
            try:
                result = action(url)
            except (RegistryError, TransportError, SizeMismatchError) as error:
                failure = error
                self._reject(descriptor.digest, url)
                continue
            with self._lock:
                self._used[descriptor.digest] = url
            return result
        raise failure

    def reject(self, descriptor: Descriptor) -> bool:
        """Never ask the last used URL for this blob again; True if there are others."""
        with self._lock:
            url = self._used.pop(descriptor.digest, None)
        if url is None:
            return False
        self._reject(descriptor.digest, url)
        return bool(self._left(descriptor))

    def _reject(self, digest: Digest, url: str) -> None:
        with self._lock:
            self._rejected.add((digest, url))

    def _left(self, descriptor: Descriptor) -> list[str]:
        with self._lock:
            digest = descriptor.digest
            return [url for url in descriptor.urls if (digest, url) not in self._rejected]
