"""Connections for requests that speak HTTP as registries do.

urllib3, and http.client below it, decide some things by themselves that are decided otherwise here:

- The path and the query of a request are sent letter for letter. urllib3 would write escapes anew
  (`%2b` as `%2B`, `%7E` as `~`), and a URL's signature would no longer be that of the URL. What
  urllib3 gets to see, and may put into its logs and errors, has no query at all.
- Interim answers are passed over, all of 1xx and not only 100 (RFC 9110, section 15.2).
- What came of a body before the connection broke is handed over before the error. http.client
  loses what it has read of a chunk, or since its last full buffer.
"""

from __future__ import annotations

import functools
import http.client
import re
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

import urllib3
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from urllib3.connectionpool import HTTPConnectionPool

__all__ = ["TARGET", "Adapter"]

TARGET = ":target"
"""The header that says what to ask for; it stays here, as no header can have such a name."""

_POOL_CONNECTIONS = 16
_INTERIM_MAX = 100  # a server that is busy says so now and then; Go takes five
_LINE_MAX_BYTES = 65536  # http.client's own limit
_TRAILERS_MAX = 100  # as many as http.client takes headers
_CHUNK_HEADER = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")


class _Answer(http.client.HTTPResponse):
    """An answer that comes after interim ones, and whose body keeps what came of it."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_INTERIM_MAX):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status // 100 != 1 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("interim answers without an end")

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read what is there, at least a byte of it; nothing is the end.

        Raises:
            IncompleteRead: The end came inside a chunk.
            OSError: The connection broke.
        """
        if self.fp is None or self._method == "HEAD":  # type: ignore[attr-defined]
            return super().readinto(buffer)
        if self.chunked:
            left: int | None = self._get_chunk_left()  # type: ignore[attr-defined]
            if left is None:
                return 0
            count = self.fp.readinto1(buffer[:left])
            if buffer and not count:
                raise http.client.IncompleteRead(b"")
            self.chunk_left = left - count
            return count
        if self.length is not None:
            buffer = buffer[: self.length]
        count = self.fp.readinto1(buffer)
        if self.length is not None:
            self.length -= count
        if not count or self.length == 0:
            self._close_conn()  # type: ignore[attr-defined]
        return count

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(_LINE_MAX_BYTES)
        match = _CHUNK_HEADER.fullmatch(line)
        if match is None:  # cut off in the middle, it may still look like a number
            raise ValueError(line)
        return int(match[1], 16)

    def _read_and_discard_trailer(self) -> None:
        for _ in range(_TRAILERS_MAX):
            if self.fp.readline(_LINE_MAX_BYTES) in (b"\r\n", b"\n", b""):
                return
        raise http.client.IncompleteRead(b"")


class _Exact(urllib3.connection.HTTPConnection):
    """A connection that asks for what `TARGET` says; the base of one for each class of urllib3."""

    response_class = _Answer
    _target: str | None = None

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: bool,
    ) -> None:
        """Send a request."""
        headers = headers or {}
        self._target = headers.get(TARGET)
        sent = {name: value for name, value in headers.items() if name != TARGET}
        super().request(method, url, body, sent, **options)

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,  # noqa: FBT001, FBT002  # the base's signature
        skip_accept_encoding: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin a request; a proxy gets a whole URL, and so does `url` tell."""
        if self._target is not None:
            scheme, mark, rest = url.partition("://") if url[:1] != "/" else ("", "", "")
            url = scheme + mark + re.split("[/?]", rest, maxsplit=1)[0] + self._target
        super().putrequest(method, url, skip_host, skip_accept_encoding)

    def _encode_request(self, request: str) -> bytes:
        # http.client allows ASCII only; see `pull.spec.urls` for where other bytes come from
        return request.encode("utf-8", "surrogateescape")


@functools.cache
def _exact(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Make a class of pools whose connections are `_Exact`."""
    base: type = pool.ConnectionCls
    connection = type("ExactConnection", (_Exact, base), {})
    return type("ExactPool", (pool,), {"ConnectionCls": connection})


def _use_exact(manager: urllib3.PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    base: type = pools["http"].ConnectionCls  # type: ignore[attr-defined]
    if not issubclass(base, _Exact):
        manager.pool_classes_by_scheme = {name: _exact(pool) for name, pool in pools.items()}


class Adapter(HTTPAdapter):
    """Makes requests use our connections, and a TLS context of ours; there is no other way to."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._keywords: dict[str, object] = {} if context is None else {"ssl_context": context}
        super().__init__(pool_maxsize=_POOL_CONNECTIONS)

    def init_poolmanager(self, *args: object, **keywords: object) -> None:
        """Add the context to what the base class passes on."""
        super().init_poolmanager(*args, **(keywords | self._keywords))  # type: ignore[arg-type]
        _use_exact(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **keywords: object) -> urllib3.ProxyManager:
        """Add the context for connections through a proxy."""
        keywords |= self._keywords
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **keywords)
        _use_exact(manager)
        return manager
