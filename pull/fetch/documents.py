"""Manifests, indexes and configs, from the cache if it has them.

They are small and define everything else, so their digest is verified each time they are read. A
digest is looked up in the cache first, and if found needs no network. For a tag, the registry is
only asked for its digest if the cache has what the tag last meant. A tag is recorded only if it
names a manifest or an index, and anything else in its place in the cache counts as missing.
"""

from __future__ import annotations

from pull.cache import Cache
from pull.errors import DigestSyntaxError, ManifestError, OfflineError, SizeMismatchError
from pull.source import Document, Source
from pull.spec.digest import CHUNK_BYTES, Digest
from pull.spec.manifest import Descriptor, parse_document
from pull.spec.reference import LocalReference, Reference

__all__ = ["Documents"]

_CONFIG_MAX_BYTES = 8 << 20
_DOCUMENT_MAX_BYTES = 4 << 20


class Documents:
    """Reads the documents of one image; without a cache everything comes from the source."""

    def __init__(
        self,
        reference: Reference | LocalReference,
        source: Source,
        *,
        cache: Cache | None,
        offline: bool,
    ) -> None:
        self._reference = reference
        self._source = source
        self._cache = cache
        self._offline = offline

    def top(self) -> Document:
        """Return the document that the reference names.

        Raises:
            OfflineError: It is not in the cache, and the network may not be used.
            PullError: The source failed to give it.
        """
        if self._cache is None or not isinstance(self._reference, Reference):
            return self._source.top()
        digest = self._reference.digest
        if digest is None:
            document = self._tagged(self._cache, self._reference)
        elif (data := self._sound(self._cache, digest)) is not None:
            document = Document(data=data, digest=digest, media_type="")
        else:
            self._refuse_offline(str(digest))
            document = self._keep(self._source.top())
        self._cache.remember(self._reference, document.digest)
        return document

    def get(self, descriptor: Descriptor) -> Document:
        """Return the manifest or index that an index points to."""
        known = self._known(descriptor)
        if known is not None:
            return Document(data=known, digest=descriptor.digest, media_type=descriptor.media_type)
        document = self._source.document(descriptor)
        descriptor.verify(document.data, self._source.name)
        return self._keep(document)

    def config(self, descriptor: Descriptor) -> bytes:
        """Return an image's config."""
        known = self._known(descriptor)
        if known is not None:
            return known
        if descriptor.size > _CONFIG_MAX_BYTES:
            what = f"{self._source.name}: config {descriptor.digest}"
            limit = f"more than the limit of {_CONFIG_MAX_BYTES}"
            raise SizeMismatchError(what, expected=descriptor.size, actual=limit)
        if self._cache is None:
            return _read_blob(self._source, descriptor)
        return _fetch_blob(self._source, self._cache, descriptor)

    def _tagged(self, cache: Cache, reference: Reference) -> Document:
        last = cache.tagged(reference)
        data = self._sound(cache, last) if last is not None else None
        if last is None or data is None:
            self._refuse_offline(f"tag {reference.tag}")
            return self._keep(self._source.top())
        if not self._offline:
            now = self._source.resolve()
            if now is None:
                return self._keep(self._source.top())
            if now != last:
                last, data = now, self._sound(cache, now)
                if data is None:
                    return self._keep(self._source.top())
        return Document(data=data, digest=last, media_type="")

    def _sound(self, cache: Cache, digest: Digest) -> bytes | None:
        """Return a manifest or an index from the cache; anything else there counts as missing."""
        data = cache.read(digest, _DOCUMENT_MAX_BYTES)
        try:
            if data is not None:
                parse_document(data, f"{self._source.name}: {digest}")
        except (ManifestError, DigestSyntaxError):
            return None
        return data

    def _known(self, descriptor: Descriptor) -> bytes | None:
        if descriptor.data is not None:
            return descriptor.verify(descriptor.data, self._source.name)
        if self._cache is None:
            return None
        data = self._cache.read(descriptor.digest)
        if data is None:
            self._refuse_offline(str(descriptor.digest))
            return None
        return descriptor.verify(data, self._source.name)

    def _keep(self, document: Document) -> Document:
        if self._cache is not None:
            self._cache.store(document.digest, document.data)
        return document

    def _refuse_offline(self, what: str) -> None:
        if self._offline:
            raise OfflineError(self._source.name, what)


def _read_blob(source: Source, descriptor: Descriptor) -> bytes:
    """Read a small blob of a local source whole, and verify it."""
    data = bytearray(descriptor.size + 1)
    with memoryview(data) as view, source.blob(descriptor) as stream:
        size = 0
        while count := stream.readinto(view[size:]):
            size += count
    return descriptor.verify(bytes(data[:size]), f"{source.name}: {descriptor.digest}")


class _Unwatched:
    """Arrivals without a reader."""

    is_relayed = False

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(CHUNK_BYTES))

    def buffer(self) -> memoryview:
        return self._buffer

    def arrived(self, position: int, count: int = 0) -> None: ...

    def restarted(self) -> None: ...

    def verified(self) -> None: ...


def _fetch_blob(source: Source, cache: Cache, descriptor: Descriptor) -> bytes:
    """Download a small blob into the cache, or wait for another thread or process that is."""
    from pull.fetch.download import download  # noqa: PLC0415  # local images need none

    while True:
        with cache.claim(descriptor.digest, lambda: False) as partial:
            if partial is not None:
                arrivals = _Unwatched()
                download(source, descriptor, partial, arrivals=arrivals, cancelled=lambda: False)
        data = cache.read(descriptor.digest)
        if data is not None:
            return data
