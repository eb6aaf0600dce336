"""The wall around requests, urllib3 and http.client: one request out, one answer in.

Nothing else in this package imports these three. Much of what they do by themselves is wrong for
registries, or is for us to decide:

- `.netrc`, cookies and the environment's lists of authorities are ignored. Proxies are used, but
  not for this machine's own servers, as in Go's golang.org/x/net/http/httpproxy.
- A redirect is an answer like any other, and its Location has the bytes that were sent.
- The path and the query of a request are sent letter for letter. urllib3 would rewrite escapes
  (`%2b` as `%2B`, `%7E` as `~`), and the URL would no longer match its signature. What the
  libraries see, and may put into their logs and errors, has no query at all.
- Interim answers are skipped: all of 1xx, not only 100 (RFC 9110, section 15.2).
- A body is read as it was sent, from http.client: urllib3 would make bytes of its own and copy
  them. Bytes that came before the connection broke are returned before the error. http.client loses
  what it has read of a chunk, or since its last full buffer.
- Each host has the TLS context that is right for it (see `pull.registry.tls`).
- Every failure comes out as one error, with a reason in words.
"""

from __future__ import annotations

import functools
import http.client
import http.cookiejar
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from pull.errors import BrokenTransferError, TransportError
from pull.registry import tls
from pull.registry.options import TransportOptions
from pull.registry.outages import causes, passes
from pull.spec.urls import is_loopback, redact, request_target

if TYPE_CHECKING:
    from urllib3.connectionpool import HTTPConnectionPool

__all__ = ["Answer", "NoAnswerError", "Request", "Wire", "answer_passes"]

_TARGET = ":target"  # the header that holds the target; no real header can have this name
_POOL_CONNECTIONS = 16
_INTERIM_MAX = 100  # a busy server sends one now and then; Go accepts five
_LINE_MAX_BYTES = 65536  # http.client's own limit
_TRAILERS_MAX = 100  # http.client's limit for headers
_CHUNK_HEADER = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_REASON_MAX_CHARS = 200
_RETRY_AFTER_MAX_CHARS = 100  # a date has thirty; int() refuses thousands of digits


class NoAnswerError(TransportError):
    """A request got no answer at all."""

    def __init__(self, url: str, error: Exception) -> None:
        self._is_final = isinstance(error, ValueError) or any(map(tls.is_final, causes(error)))
        timed_out = isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError)
        temporary = not self._is_final and (timed_out or passes(error, answer_passes))
        super().__init__(redact(url), _reason_of(error), temporary=temporary)

    @property
    def is_final(self) -> bool:
        """Tell whether another attempt at once would get no answer either."""
        return self._is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask for; a `form` is posted."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None


class Wire:
    """Sends requests over reusable connections; shared by threads."""

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._session = _Session()
        self._locations: set[str] = set()  # which have a TLS context
        self._mounting = threading.Lock()
        if options.insecure:
            # the user asked for it, and a warning for each request would only hide others
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def send(self, request: Request) -> Answer:
        """Send a request once, and return the answer, whatever it is.

        Raises:
            NoAnswerError: There is none.
            CredentialsError: A certificate file can't be read.
        """
        try:
            return Answer(self._send(request), request.url)
        # requests lets urllib3's errors and ValueError through, for example from a proxy's URL
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise NoAnswerError(request.url, error) from error

    def _send(self, request: Request) -> requests.Response:
        parts = urlsplit(request.url)
        location = parts.netloc.rpartition("@")[2]
        if parts.scheme == "https":
            self._prepare_tls(location)
        path = parts.path.encode("ascii", "backslashreplace").decode()
        shown = f"{parts.scheme}://{location}{path or '/'}{'?...' if parts.query else ''}"
        prepared = self._session.prepare_request(
            requests.Request(request.method, shown, headers=request.headers, data=request.form)
        )
        prepared.headers[_TARGET] = request_target(request.url)
        proxies = {}
        if not is_loopback(parts.hostname or ""):
            proxies = requests.utils.get_environ_proxies(request.url)
        return self._session.send(
            prepared,
            stream=True,
            allow_redirects=False,
            verify=not self._options.insecure,
            timeout=(self._options.connect_timeout_seconds, self._options.read_timeout_seconds),
            proxies=proxies,
        )

    def _prepare_tls(self, location: str) -> None:
        """Give a host its TLS context when it is first asked.

        Only then, because loading the system's authorities takes longer than a request.
        """
        with self._mounting:
            if location in self._locations:
                return
            context = tls.context_for(
                location, insecure=self._options.insecure, cacert=self._options.cacert
            )
            self._session.mount(f"https://{location}/", _Adapter(context))
            self._locations.add(location)


class Answer:
    """A status, its headers, and a body to be read once."""

    def __init__(self, response: requests.Response, url: str) -> None:
        self._response = response
        original = response.raw._original_response  # noqa: SLF001  # there is no other way to it
        self._original = cast("http.client.HTTPResponse", original)
        self._broken: Exception | None = None
        self.url = redact(url)
        self.status = response.status_code
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = response.headers

    @property
    def location(self) -> str | None:
        """The redirect's target; the first of several headers counts, as in Go."""
        found: list[str] = self._response.raw.headers.getlist("location")
        # http.client reads headers as latin-1; bytes that aren't UTF-8 become surrogates
        texts = [text.encode("latin-1").decode("utf-8", "surrogateescape") for text in found]
        return texts[0].strip(" \t") if texts else None

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the server asks us to wait; None if it does not, or makes no sense."""
        text = self.headers.get("retry-after", "")[:_RETRY_AFTER_MAX_CHARS]
        try:
            return urllib3.Retry().parse_retry_after(text) if text else None
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return None

    def readinto(self, buffer: memoryview, /) -> int:
        """Read bytes as they were sent, as many as `buffer` holds; fewer only at the end.

        Raises:
            BrokenTransferError: The connection broke, or ended before the announced length.
        """
        filled = 0
        try:
            while not self._broken and filled < len(buffer):
                count: int = self._original.readinto(buffer[filled:])
                if not count:
                    break
                filled += count
        except (http.client.HTTPException, OSError) as error:
            self._broken = error
        if not filled and self._broken:
            raise BrokenTransferError(self.url, _reason_of(self._broken)) from self._broken
        if not filled and buffer and self._original.length:
            raise BrokenTransferError(self.url, "the connection ended too early")
        return filled

    def finish(self, size: int) -> bytes:
        """Return the body's first `size` bytes, or none if it breaks off, and close.

        The connection of a short body that was read can be used again.
        """
        try:
            data: bytes = self._response.raw.read(size, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError):
            return b""
        finally:
            self._response.close()
        return data

    def close(self) -> None:
        """Close the connection if there is something left to read, else keep it."""
        if self._original.isclosed() and not self._original.length:
            self._response.raw.release_conn()  # urllib3 does not know that it was read to the end
        self._response.close()


class _Incoming(http.client.HTTPResponse):
    """An answer that skips interim ones, and whose body keeps the bytes that came of it."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_INTERIM_MAX):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status // 100 != 1 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("interim answers without an end")

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read what is there, at least one byte; 0 is the end.

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
        if match is None:  # truncated, it may still look like a number
            raise ValueError(line)
        return int(match[1], 16)

    def _read_and_discard_trailer(self) -> None:
        for _ in range(_TRAILERS_MAX):
            if self.fp.readline(_LINE_MAX_BYTES) in (b"\r\n", b"\n", b""):
                return
        raise http.client.IncompleteRead(b"")


class _Exact(urllib3.connection.HTTPConnection):
    """A connection that asks for what `_TARGET` says; the base of one for each class of urllib3."""

    response_class = _Incoming
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
        self._target = headers.get(_TARGET)
        sent = {name: value for name, value in headers.items() if name != _TARGET}
        super().request(method, url, body, sent, **options)

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,  # noqa: FBT001, FBT002  # the base's signature
        skip_accept_encoding: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin a request; for a proxy, `url` is a whole URL."""
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
    if issubclass(base, _Exact):
        return pool
    connection = type("ExactConnection", (_Exact, base), {})
    return type("ExactPool", (pool,), {"ConnectionCls": connection})


def _use_exact(manager: urllib3.PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {name: _exact(pool) for name, pool in pools.items()}


class _Adapter(HTTPAdapter):
    """Makes requests use our connections and our TLS context; there is no other way."""

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


class _Session(requests.Session):
    """Reads no environment, keeps no cookies, and leaves redirects alone."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())
        self.headers.clear()
        self.headers.update({"User-Agent": "pyext4", "Accept-Encoding": "identity"})

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find no redirect: otherwise requests would read its body and its target unasked."""
        del resp


def answer_passes(error: BaseException) -> bool | None:
    """Judge an error of http.client: an answer that broke off may come whole the next time."""
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        return isinstance(error, http.client.IncompleteRead)
    return None


def _reason_of(error: Exception) -> str:
    """Find a readable reason in the layers of errors from requests and urllib3."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "timed out"
    found = _reason_of_causes(error)
    if not found and isinstance(error, ValueError):
        found = str(error)
    return found or f"no usable answer: {type(error).__name__}"


def _reason_of_causes(error: Exception) -> str:
    proxy = ""
    deepest = ""
    for seen in causes(error):
        if isinstance(seen, urllib3.exceptions.ProxyError):
            proxy = f"the proxy {_proxy_of(error)} can't be used: "
            deepest = str(seen.original_error).lower()
        if isinstance(seen, ssl.SSLError):
            return f"{proxy}TLS failed: {tls.reason_of(seen)}"
        if isinstance(seen, http.client.IncompleteRead):
            return "the connection ended too early"
        if isinstance(seen, http.client.HTTPException):
            return f"{proxy}no usable answer: {_http_reason(seen)}"
        if isinstance(seen, OSError) and seen.strerror:
            deepest = seen.strerror.lower()
    return f"{proxy}{deepest}"


def _http_reason(error: http.client.HTTPException) -> str:
    said = str(error)
    # an alert of TLS in the place of a status line
    if isinstance(error, http.client.BadStatusLine) and said.startswith("\x15\x03"):
        return "the server speaks TLS there; leave --plain-http out"
    return f"{type(error).__name__}: {said[:_REASON_MAX_CHARS]}" if said else type(error).__name__


def _proxy_of(error: Exception) -> str:
    """Return which proxy the environment names for the request that failed."""
    request = error.request if isinstance(error, requests.RequestException) else None
    if request is None or not request.url:
        return "of the environment"
    found = requests.utils.select_proxy(
        request.url, requests.utils.get_environ_proxies(request.url)
    )
    return redact(found) if found else "of the environment"
