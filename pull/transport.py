"""HTTP as registries need it: retries, time-outs, redirects without credentials, size limits.

A request is tried again where the connection broke or the server said that it may be (408, 429,
5xx), after a pause that doubles each time with some chance in it, or that the server asked for.
Redirects are followed here and not by requests, because an Authorization header belongs to the
host it was made for. `.netrc` and cookies play no part.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import random
import ssl
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self, cast
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from pull.answers import drain, is_worth_another_try, reason_of, refusal_of, retry_after_seconds
from pull.errors import (
    BrokenTransferError,
    CancelledError,
    SizeMismatchError,
    TransportError,
)
from pull.options import TransportOptions
from pull.signatures import hide_queries_of
from pull.tls import context_for
from pull.urls import check_url, origin, redact

__all__ = ["Authorizer", "Body", "Transport"]

_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_MAX = 10
_UNREACHABLE_ATTEMPTS = 3
_POOL_CONNECTIONS = 16


class Authorizer(Protocol):
    """What signs requests to one origin."""

    def header(self) -> str | None:
        """Return the Authorization header to send, if there is one yet."""
        ...

    @property
    def is_known(self) -> bool:
        """Tell whether requests are signed for somebody, and not for an anonymous user."""
        ...

    def renew(self, challenge: str, used: str | None) -> bool:
        """Get another header for a WWW-Authenticate challenge; False where that is hopeless.

        `used` is the header that was refused: another thread may have renewed it already.
        """
        ...


class Body:
    """The body of an answer, to be read once; a context manager that gives the connection back."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        original = response.raw._original_response  # noqa: SLF001
        self._original = cast("http.client.HTTPResponse", original)
        self.url = redact(response.url or "")
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection if there is something left to read, else keep it."""
        if self._original.isclosed() and not self._original.length:
            self._response.raw.release_conn()  # urllib3 does not know that it was read to the end
        self._response.close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Read bytes as they were sent, as many as `buffer` holds; fewer only at the end.

        urllib3 would make bytes of its own and copy them, so this asks http.client below it.

        Raises:
            BrokenTransferError: The connection broke, or ended before the announced length.
        """
        try:
            count: int = self._original.readinto(buffer)
        except (http.client.HTTPException, OSError) as error:
            raise BrokenTransferError(self.url, reason_of(error)) from error
        if count == 0 and buffer and self._original.length:
            raise BrokenTransferError(self.url, "the connection ended too early")
        return count

    def read_all(self, limit: int) -> bytes:
        """Return the whole body, which must be at most `limit` bytes.

        Raises:
            SizeMismatchError: It is larger.
            BrokenTransferError: See `readinto`.
        """
        body = bytearray()
        piece = memoryview(bytearray(1 << 16))
        while count := self.readinto(piece):
            body += piece[:count]
            if len(body) > limit:
                raise SizeMismatchError(self.url, expected=limit, actual="more than this limit")
        return bytes(body)


class Transport:
    """Sends requests; shared by threads, closed by its owner."""

    def __init__(self, options: TransportOptions) -> None:
        self.options = options
        self._cancelled = threading.Event()
        self._session = _Session()
        # without an auth of ours, requests would read ~/.netrc
        self._session.auth = _leave_alone
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.clear()
        self._session.headers.update({"User-Agent": "pyext4", "Accept-Encoding": "identity"})
        if options.insecure:
            # the user asked for it, and a warning for each request would only hide others
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._reached: set[str] = set()
        self._contexts: set[str] = set()
        self._mounting = threading.Lock()

    @property
    def is_cancelled(self) -> bool:
        """Tell whether the transport was closed."""
        return self._cancelled.is_set()

    def close(self) -> None:
        """Wake up whoever waits for another attempt, and close idle connections."""
        self._cancelled.set()
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        authorizer: Authorizer | None = None,
    ) -> Body:
        """Send a request until it is answered, and return an answer of success.

        Raises:
            RegistryError: The answer is a refusal.
            TransportError: There is none.
            CancelledError: The transport was closed meanwhile.
        """
        try:
            check_url(url)
        except ValueError as error:
            raise TransportError(redact(url), f"can't be asked: {error}") from error
        attempt = 1
        while True:
            pause: float | None = None
            try:
                response = self._send(method, url, dict(headers or {}), form, authorizer)
            # urllib3's and ValueError: what requests lets through, such as from a proxy's URL
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                ValueError,
            ) as error:
                failure = self._failure(_asked(error, url), error, attempt)
                if failure is not None:
                    raise failure from error
            else:
                self._reached.add(urlsplit(url).netloc)
                if 200 <= response.status_code < 300:
                    return Body(response)
                pause = retry_after_seconds(response)
                known = authorizer is not None and authorizer.is_known
                refusal = refusal_of(url, response, known=known)
                if (
                    response.status_code not in _RETRIED_STATUSES
                    or attempt >= self.options.attempts
                    or (pause or 0) > self.options.retry_after_max_seconds
                ):
                    raise refusal
            self.pause(attempt, url, pause)
            attempt += 1

    def pause(self, attempt: int, url: str, seconds: float | None = None) -> None:
        """Wait before attempt `attempt` + 1, for as long as is usual if nobody said how long.

        Raises:
            CancelledError: The transport was closed meanwhile.
        """
        if seconds is None:
            longest = min(
                self.options.backoff_seconds * 2 ** (attempt - 1), self.options.backoff_max_seconds
            )
            seconds = longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads clients, no secret
        if self._cancelled.wait(seconds):
            raise CancelledError(redact(url))

    def _prepare_tls(self, url: str) -> None:
        """Give a host the TLS context that is right for it, when it is first asked.

        Only then, because loading the system's authorities takes longer than a request.
        """
        parts = urlsplit(url)
        location = parts.netloc.rpartition("@")[2]
        with self._mounting:
            if parts.scheme != "https" or location in self._contexts:
                return
            context = context_for(
                location, insecure=self.options.insecure, cacert=self.options.cacert
            )
            self._session.mount(f"https://{location}/", _ContextAdapter(context))
            self._contexts.add(location)

    def _failure(self, url: str, error: Exception, attempt: int) -> TransportError | None:
        reason = reason_of(error)
        hopeless = isinstance(error, ValueError) or not is_worth_another_try(error)
        limit = self.options.attempts
        if urlsplit(url).netloc not in self._reached:
            # nobody there at all is seldom better in a minute
            limit = min(limit, _UNREACHABLE_ATTEMPTS)
        if hopeless or attempt >= limit:
            return TransportError(redact(url), reason)
        return None

    def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        form: Mapping[str, str] | None,
        authorizer: Authorizer | None,
    ) -> requests.Response:
        home = origin(url)
        renewed = False
        hops = 0
        target = url
        while True:
            if self.is_cancelled:
                raise CancelledError(redact(url))
            self._prepare_tls(target)
            used = authorizer.header() if authorizer and origin(target) == home else None
            sent = headers | ({"Authorization": used} if used else {})
            response = self._session.request(
                method,
                target,
                headers=sent,
                data=form,
                stream=True,
                allow_redirects=False,
                # said here and not once for the session, where $REQUESTS_CA_BUNDLE would win
                verify=not self.options.insecure,
                timeout=(
                    self.options.connect_timeout_seconds,
                    self.options.read_timeout_seconds,
                ),
            )
            if response.status_code in _REDIRECTS and "location" in response.headers:
                response.close()
                hops += 1
                target = _redirected(url, target, response.headers["location"], hops)
                hide_queries_of(urlsplit(target).hostname or "")
                continue
            challenge = response.headers.get("www-authenticate", "")
            if (
                response.status_code == 401
                and authorizer
                and origin(target) == home
                and not renewed
            ):
                renewed = True
                drain(response)
                if authorizer.renew(challenge, used):
                    continue
            return response


def _asked(error: Exception, url: str) -> str:
    """Return the URL that an error is about: redirects lead elsewhere."""
    request = error.request if isinstance(error, requests.RequestException) else None
    return (request.url if request is not None else None) or url


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Session(requests.Session):
    """Leaves redirects alone entirely: even unasked, requests would read their body and target."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See no redirect."""
        del resp


class _ContextAdapter(HTTPAdapter):
    """Hands a TLS context of ours to urllib3; requests has no other way to give one."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=_POOL_CONNECTIONS)

    def init_poolmanager(self, *args: object, **keywords: object) -> None:
        """Add the context to what the base class passes on."""
        super().init_poolmanager(*args, ssl_context=self._context, **keywords)  # type: ignore[arg-type]

    def proxy_manager_for(self, proxy: str, **keywords: object) -> urllib3.ProxyManager:
        """Add the context for connections through a proxy."""
        keywords["ssl_context"] = self._context
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **keywords)
        return manager


def _redirected(first: str, current: str, location: str, hops: int) -> str:
    if hops > _REDIRECTS_MAX:
        raise TransportError(redact(first), f"more than {_REDIRECTS_MAX} redirects")
    try:
        target = urljoin(current, location)
        check_url(target)
    except ValueError as error:
        reason = f"redirected to what can't be asked: {error}"
        raise TransportError(redact(first), reason) from error
    scheme = urlsplit(target).scheme
    if scheme == "http" and urlsplit(current).scheme == "https":
        raise TransportError(redact(first), f"redirected from https to http: {redact(target)}")
    return target
