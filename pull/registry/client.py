"""The distribution API: manifests and blobs of one repository, from mirrors first.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md, "Pull".

Registries are reached by https. Plain http is only for `--plain-http`, for mirrors with such a URL,
and for servers on loopback that don't begin a TLS handshake.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar
from urllib.parse import urlsplit

from pull.errors import (
    BrokenTransferError,
    DigestMismatchError,
    DigestSyntaxError,
    ManifestError,
    NotFoundError,
    PullError,
    RegistryError,
    SizeMismatchError,
    TransportError,
)
from pull.registry.auth import Authenticator
from pull.registry.body import Body
from pull.registry.credentials import FindCredentials
from pull.registry.foreign import ForeignUrls
from pull.registry.options import Mirror
from pull.registry.tls import speaks_tls
from pull.registry.transport import Transport
from pull.source import Document
from pull.spec.digest import Digest
from pull.spec.manifest import ACCEPT, Descriptor, parse_document
from pull.spec.reference import DOCKER_HUB, Reference
from pull.spec.urls import host_of, is_loopback, redact

__all__ = ["Registry"]

MANIFEST_MAX_BYTES = 4 << 20  # the distribution spec asks registries to accept this much
_HUB_HOST = "registry-1.docker.io"
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
_T = TypeVar("_T")
# errors after which another server may do better
_NO_GOOD = (
    RegistryError,
    TransportError,
    ManifestError,
    DigestSyntaxError,
    DigestMismatchError,
    SizeMismatchError,
)


class _RegistryBlob:
    """A body whose place in the blob has been checked."""

    def __init__(self, body: Body, offset: int, *, decode: bool) -> None:
        self._body = body
        self.offset = offset
        self.readinto = body.decoded() if decode else body.readinto

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._body.close()


class _Endpoint:
    """One server that has the repository, reached when it is first needed."""

    def __init__(
        self, location: str, base_url: str, repository: str, find: FindCredentials
    ) -> None:
        self.location = location  # host[:port], the key of its credentials and certificates
        self.base_url = base_url  # empty: not yet known whether http or https
        self.repository = repository
        self.find = find
        self.authenticator: Authenticator | None = None
        self.rejected: set[Digest] = set()  # blobs that it has, but damaged


class Registry:
    """A repository in a registry, as a `pull.source.Source`."""

    def __init__(
        self,
        reference: Reference,
        transport: Transport,
        *,
        find_credentials: FindCredentials,
        mirrors: Sequence[Mirror] = (),
    ) -> None:
        self._reference = reference
        self._transport = transport
        self._lock = threading.Lock()
        self._foreign = ForeignUrls()
        self._encoded: set[Digest] = set()  # blobs that came with a Content-Encoding
        self._misread: set[Digest] = set()  # those of them whose length misled us
        self._endpoints = [
            _mirror_endpoint(mirror, reference.repository, find_credentials)
            for mirror in mirrors
            if mirror.registry == reference.registry
        ]
        location = _HUB_HOST if reference.registry == DOCKER_HUB else reference.registry
        self._endpoints.append(
            # credentials are stored under the name that users know
            _Endpoint(
                location,
                "",
                reference.repository,
                lambda _, repository: find_credentials(reference.registry, repository),
            )
        )

    @property
    def name(self) -> str:
        """The reference."""
        return str(self._reference)

    def resolve(self) -> Digest | None:
        """Ask by HEAD for the tag's digest; None if the registry does not tell it.

        Some refuse a HEAD with various statuses, or redirect to a URL that is signed only for GET.
        Whatever is wrong, a GET tells better, and has a body that says why.
        """
        try:
            return self._first(self._head)
        except _NO_GOOD:
            return None

    def top(self) -> Document:
        """Get the manifest that the reference names; anything else counts as no answer."""
        expected = self._reference.digest
        return self._first(lambda at: self._top(at, expected))

    def document(self, descriptor: Descriptor) -> Document:
        """Get a manifest by digest."""
        expected = descriptor.digest
        return self._first(
            lambda at: self._manifest(at, str(expected), expected, descriptor.media_type)
        )

    def blob(self, descriptor: Descriptor, offset: int = 0) -> _RegistryBlob:
        """Open a blob from `offset` on; its own URLs are tried if the registry lacks it."""
        try:
            return self._first(lambda at: self._blob(at, descriptor, offset), descriptor.digest)
        except NotFoundError as error:
            return self._foreign.first(
                descriptor,
                # never with credentials; the digest says whether these are the right bytes
                lambda url: self._open(url, descriptor, offset, None),
                failure=error,
            )

    def may_retry(self, failures: int) -> bool:
        """Wait as before another attempt of a request, and as many times."""
        if failures >= self._transport.options.attempts:
            return False
        self._transport.pause(failures, self.name)
        return True

    def reject(self, descriptor: Descriptor) -> bool:
        """Never again ask a mirror for this blob, nor the foreign URL that it came from.

        But first, try reading a blob with a Content-Encoding the other way.
        """
        with self._lock:
            if descriptor.digest in self._encoded - self._misread:
                self._misread.add(descriptor.digest)
                return True
        mirrors = [at for at in self._endpoints[:-1] if descriptor.digest not in at.rejected]
        for mirror in mirrors:
            mirror.rejected.add(descriptor.digest)
        return self._foreign.reject(descriptor) or bool(mirrors)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _first(self, action: Callable[[_Endpoint], _T], digest: Digest | None = None) -> _T:
        """Run an action on the mirrors, and finally on the registry itself."""
        *mirrors, registry = self._endpoints
        for mirror in mirrors:
            if digest in mirror.rejected:
                continue
            try:
                return action(mirror)
            except _NO_GOOD:
                continue
        return action(registry)

    def _head(self, at: _Endpoint) -> Digest | None:
        url = self._url(at, "manifests", self._reference.selector)
        with self._transport.request(
            "HEAD", url, headers=_ACCEPT_HEADERS, authorizer=at.authenticator, attempts=1
        ) as answer:
            return _stated_digest(answer)

    def _top(self, at: _Endpoint, expected: Digest | None) -> Document:
        document = self._manifest(at, self._reference.selector, expected, None)
        # a proxy or a network that wants a login answers 200 with a page of its own
        parse_document(document.data, f"{self.name}: {document.digest}", document.media_type)
        return document

    def _manifest(
        self, at: _Endpoint, selector: str, expected: Digest | None, media_type: str | None
    ) -> Document:
        url = self._url(at, "manifests", selector)
        attempt = 1
        while True:
            with self._transport.request(
                "GET", url, headers=_ACCEPT_HEADERS, authorizer=at.authenticator
            ) as answer:
                try:
                    data = answer.read_all(MANIFEST_MAX_BYTES)
                    break
                except BrokenTransferError:
                    if attempt >= self._transport.options.attempts:
                        raise
            self._transport.pause(attempt, url)
            attempt += 1
        digest = _verified_digest(data, expected, _stated_digest(answer), redact(url))
        stated = media_type or answer.headers.get("content-type", "")
        return Document(data=data, digest=digest, media_type=stated)

    def _blob(self, at: _Endpoint, descriptor: Descriptor, offset: int) -> _RegistryBlob:
        url = self._url(at, "blobs", str(descriptor.digest))
        return self._open(url, descriptor, offset, at.authenticator)

    def _open(
        self, url: str, descriptor: Descriptor, offset: int, authorizer: Authenticator | None
    ) -> _RegistryBlob:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        body = self._transport.request("GET", url, headers=headers, authorizer=authorizer)
        try:
            decode = body.is_encoded and self._is_really_encoded(body, descriptor)
            if decode and body.status == 206:
                # a part of the compressed bytes, which can't be used
                body.close()
                body = self._transport.request("GET", url, authorizer=authorizer)
            begin = 0 if decode else _check_place(body, descriptor, offset)
        except PullError:
            body.close()
            raise
        return _RegistryBlob(body, begin, decode=decode)

    def _is_really_encoded(self, body: Body, descriptor: Descriptor) -> bool:
        """Tell whether the blob is the decoded body, not the body as sent.

        Some servers state by mistake that a compressed layer has a Content-Encoding. Its length
        tells, or if none is stated, the digest: `reject` makes us try the other way too.
        """
        place = _CONTENT_RANGE.fullmatch(body.headers.get("content-range", "").strip())
        stated = place[3] if place else _length_of(body)
        with self._lock:
            self._encoded.add(descriptor.digest)
            return (stated != str(descriptor.size)) != (descriptor.digest in self._misread)

    def _url(self, at: _Endpoint, kind: str, selector: str) -> str:
        with self._lock:
            if at.authenticator is None:
                at.base_url = at.base_url or self._find_base_url(at.location)
                at.authenticator = Authenticator(
                    self._transport,
                    base_url=at.base_url,
                    repository=at.repository,
                    find=lambda: at.find(at.location, at.repository),
                )
        return f"{at.base_url}/v2/{at.repository}/{kind}/{selector}"

    def _find_base_url(self, location: str) -> str:
        if self._transport.options.plain_http:
            return f"http://{location}"
        host = host_of(location)
        url = f"https://{location}"
        if is_loopback(host):
            port = urlsplit(f"//{location}").port or 443
            try:
                if not speaks_tls(host, port):
                    return f"http://{location}"
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TransportError(url, reason) from error
        return url


_ACCEPT_HEADERS: Mapping[str, str] = {"Accept": ", ".join(ACCEPT)}


def _mirror_endpoint(mirror: Mirror, repository: str, find: FindCredentials) -> _Endpoint:
    parts = urlsplit(mirror.url)
    prefix = parts.path.strip("/")
    return _Endpoint(
        parts.netloc.rpartition("@")[2],
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        f"{prefix}/{repository}" if prefix else repository,
        find,
    )


def _stated_digest(answer: Body) -> Digest | None:
    # several headers come as one, with commas; a proxy may have doubled it
    text = answer.headers.get("docker-content-digest", "").partition(",")[0].strip()
    if not text:
        return None
    try:
        return Digest.parse(text)
    except DigestSyntaxError as error:
        raise ManifestError(answer.url, f"Docker-Content-Digest: {error}") from error


def _verified_digest(
    data: bytes, expected: Digest | None, stated: Digest | None, where: str
) -> Digest:
    digest = Digest.of(data, expected.algorithm if expected else "sha256")
    for promise in (expected, stated):
        if promise is not None and not promise.verifies(data):
            actual = Digest.of(data, promise.algorithm)
            raise DigestMismatchError(where, expected=str(promise), actual=str(actual))
    return digest


def _check_place(body: Body, descriptor: Descriptor, offset: int) -> int:
    """Return where a body begins in its blob, refusing what contradicts the descriptor."""
    what = f"{body.url} ({descriptor.digest})"
    size = descriptor.size
    begin = 0
    if body.status == 206:
        match = _CONTENT_RANGE.fullmatch(body.headers.get("content-range", "").strip())
        if match is None or int(match[1]) != offset or int(match[2]) != size - 1:
            stated = body.headers.get("content-range", "nothing")
            reason = f"asked for bytes {offset}-{size - 1}, got Content-Range: {stated}"
            raise TransportError(what, reason)
        if match[3] not in ("*", str(size)):
            raise SizeMismatchError(what, expected=size, actual=int(match[3]))
        begin = offset
    length = _length_of(body)
    if length and begin + int(length) != size and "content-encoding" not in body.headers:
        raise SizeMismatchError(what, expected=size, actual=begin + int(length))
    return begin


def _length_of(body: Body) -> str:
    """Return a body's stated length; empty if none counts."""
    # RFC 9112, section 6.3: a Transfer-Encoding overrides it
    length = body.headers.get("content-length", "")
    is_stated = "transfer-encoding" not in body.headers and re.fullmatch(r"[0-9]{1,19}", length)
    return length if is_stated else ""
