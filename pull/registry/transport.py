"""HTTP as registries need it: retries, time-outs, redirects without credentials, size limits.

A request is tried again where the connection broke or the server said that it may be (408, 429,
5xx), after a pause that doubles each time with some chance in it, or that the server asked for.
Redirects are followed here and not by requests, because an Authorization header belongs to the
host it was made for, and what was posted belongs to it too. `.netrc` and cookies play no part, and
proxies none for this machine's own servers, as in Go's golang.org/x/net/http/httpproxy.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import random
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self, cast
from urllib.parse import urlsplit

import requests
import urllib3

from pull.errors import (
    BrokenTransferError,
    CancelledError,
    SizeMismatchError,
    TransportError,
)
from pull.registry.answers import (
    drain,
    is_worth_another_try,
    reason_of,
    refusal_of,
    retry_after_seconds,
)
from pull.registry.connections import TARGET, Adapter
from pull.registry.encodings import Gunzip, gzips_in
from pull.registry.options import TransportOptions
from pull.registry.tls import context_for
from pull.spec.urls import check_url, is_loopback, origin, redact, request_target, resolve

__all__ = ["Authorizer", "Body", "Transport"]

_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TO_GET = frozenset({301, 302, 303})  # what they lead to may be asked for by GET: RFC 9110, 15.4
_REDIRECTS_MAX = 10
_UNREACHABLE_ATTEMPTS = 3


class Authorizer(Protocol):
    """What signs requests to one origin."""

    def header(self) -> str | None:
        """Return the Authorization header to send, if there is one yet."""
        ...

    @property
    def is_known(self) -> bool:
        """Tell whether requests are signed for somebody, and not for an anonymous user."""
        ...

    def renew(self, challenge: str, used: str | None, refusals: int) -> bool:
        """Get another header for a WWW-Authenticate challenge; False where that is hopeless.

        `used` is the header that was refused: another thread may have renewed it already.
        `refusals` counts the answers to challenges that were refused before, for this request.
        """
        ...


class Body:
    """The body of an answer, to be read once; a context manager that gives the connection back."""

    def __init__(self, response: requests.Response, url: str) -> None:
        self._response = response
        original = response.raw._original_response  # noqa: SLF001
        self._original = cast("http.client.HTTPResponse", original)
        self._broken: Exception | None = None
        self.url = redact(url)
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

        urllib3 would make bytes of its own and copy them, so this asks http.client below it. What
        came before the connection broke is returned first.

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
            raise BrokenTransferError(self.url, reason_of(self._broken)) from self._broken
        if not filled and buffer and self._original.length:
            raise BrokenTransferError(self.url, "the connection ended too early")
        return filled

    @property
    def is_encoded(self) -> bool:
        """Tell whether the body is said to be compressed."""
        return gzips_in(self.headers.get("content-encoding", "")) > 0

    def decoded(self) -> Callable[[memoryview], int]:
        """Return what reads like `readinto`, but gives the content without its coding."""
        read = self.readinto
        for _ in range(gzips_in(self.headers.get("content-encoding", ""))):
            read = Gunzip(read, self.url).readinto
        return read

    def read_all(self, limit: int) -> bytes:
        """Return the whole body without its coding, which must be at most `limit` bytes.

        Raises:
            SizeMismatchError: It is larger.
            BrokenTransferError: See `readinto`.
        """
        body = bytearray()
        piece = memoryview(bytearray(1 << 16))
        read = self.decoded()
        while count := read(piece):
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
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter())
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
        attempts: int | None = None,
    ) -> Body:
        """Send a request until it is answered, and return an answer of success.

        `attempts` is how often at most; None leaves that to the options.

        Raises:
            RegistryError: The answer is a refusal.
            TransportError: There is none.
            CancelledError: The transport was closed meanwhile.
        """
        attempts = attempts or self.options.attempts
        try:
            check_url(url)
        except ValueError as error:
            raise TransportError(redact(url), f"can't be asked: {error}") from error
        attempt = 1
        while True:
            pause: float | None = None
            try:
                response, found = self._send(method, url, dict(headers or {}), form, authorizer)
            # urllib3's and ValueError: what requests lets through, such as from a proxy's URL
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                ValueError,
            ) as error:
                failure = self._failure(_asked(error, url), error, attempt, attempts)
                if failure is not None:
                    raise failure from error
            else:
                self._reached.add(urlsplit(url).netloc)
                if 200 <= response.status_code < 300:
                    return Body(response, found)
                pause = retry_after_seconds(response)
                known = authorizer is not None and authorizer.is_known
                refusal = refusal_of(url, response, known=known)
                if (
                    response.status_code not in _RETRIED_STATUSES
                    or attempt >= attempts
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
            self._session.mount(f"https://{location}/", Adapter(context))
            self._contexts.add(location)

    def _failure(
        self, url: str, error: Exception, attempt: int, attempts: int
    ) -> TransportError | None:
        reason = reason_of(error)
        hopeless = isinstance(error, ValueError) or not is_worth_another_try(error)
        limit = attempts
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
    ) -> tuple[requests.Response, str]:
        """Send a request, to wherever it is redirected; return the answer and its URL."""
        home = origin(url)
        refusals = 0
        hops = 0
        target = url
        while True:
            if self.is_cancelled:
                raise CancelledError(redact(url))
            used = authorizer.header() if authorizer and origin(target) == home else None
            sent = headers | ({"Authorization": used} if used else {})
            response = self._send_once(method, target, sent, form)
            if response.status_code in _REDIRECTS and "location" in response.headers:
                response.close()
                hops += 1
                target = _redirected(url, target, _location(response), hops)
                is_away = origin(target) != home
                if form and response.status_code in (_TO_GET if is_away else (303,)):
                    # as net/http of Go and the Fetch standard have it; at home the login may
                    # be posted again, which is more use
                    method, form = "GET", None
                if form and is_away:
                    reason = f"redirected a login to another server: {redact(target)}"
                    raise TransportError(redact(url), reason)
                continue
            challenge = response.headers.get("www-authenticate", "")
            if response.status_code == 401 and authorizer and origin(target) == home:
                drain(response)
                if authorizer.renew(challenge, used, refusals):
                    refusals += 1
                    continue
            return response, target

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> requests.Response:
        self._prepare_tls(url)
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        # requests and urllib3 see no query: it may be a signature, and they write logs
        path = parts.path.encode("ascii", "backslashreplace").decode()
        shown = f"{place}{path or '/'}{'?...' if parts.query else ''}"
        request = self._session.prepare_request(
            requests.Request(method, shown, headers=headers, data=form)
        )
        request.headers[TARGET] = request_target(url)
        proxies = {}
        if not is_loopback(parts.hostname or ""):
            proxies = requests.utils.get_environ_proxies(url)
        return self._session.send(
            request,
            stream=True,
            allow_redirects=False,
            # said here and not once for the session, where $REQUESTS_CA_BUNDLE would win
            verify=not self.options.insecure,
            timeout=(self.options.connect_timeout_seconds, self.options.read_timeout_seconds),
            proxies=proxies,
        )


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


def _location(response: requests.Response) -> str:
    """Return where an answer redirects to, with the bytes of the header kept as they came.

    Of several headers the first one counts, as in Go.
    """
    # http.client takes headers for latin-1; bytes that are no UTF-8 become surrogates
    text: str = response.raw.headers.getlist("location")[0].strip(" \t")
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def _redirected(first: str, current: str, location: str, hops: int) -> str:
    if hops > _REDIRECTS_MAX:
        raise TransportError(redact(first), f"more than {_REDIRECTS_MAX} redirects")
    try:
        target = resolve(current, location)
        check_url(target)
    except ValueError as error:
        reason = f"redirected to what can't be asked: {error}"
        raise TransportError(redact(first), reason) from error
    scheme = urlsplit(target).scheme
    if scheme == "http" and urlsplit(current).scheme == "https":
        raise TransportError(redact(first), f"redirected from https to http: {redact(target)}")
    return target
