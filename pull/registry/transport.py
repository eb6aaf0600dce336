"""HTTP as registries need it: retries, pauses, redirects without credentials, answers to 401.

A request is tried again if the connection broke or the server allows it (408, 429, 5xx), after a
pause that doubles each time, with some randomness, or one that the server asked for. Redirects are
followed here, because an Authorization header belongs to the host it was made for, and so does
what was posted. `pull.registry.wire` does the sending.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import threading
from collections.abc import Mapping
from typing import Protocol

from pull.errors import CancelledError, TransportError
from pull.registry import redirects
from pull.registry.answers import drain, refusal_of
from pull.registry.body import Body
from pull.registry.options import TransportOptions
from pull.registry.wire import Answer, NoAnswerError, Request, Wire
from pull.spec.urls import check_url, origin, redact

__all__ = ["Authorizer", "Transport"]

_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNREACHABLE_ATTEMPTS = 3


class Authorizer(Protocol):
    """What signs requests to one origin."""

    def header(self) -> str | None:
        """Return the Authorization header to send, if there is one yet."""
        ...

    @property
    def is_known(self) -> bool:
        """Tell whether requests are signed for a known user, not an anonymous one."""
        ...

    def renew(self, challenge: str, used: str | None, refusals: int) -> bool:
        """Get another header for a WWW-Authenticate challenge; False if that is hopeless.

        `used` is the header that was refused: another thread may have renewed it already.
        `refusals` counts the answers to challenges that were refused before, for this request.
        """
        ...


class Transport:
    """Sends requests; shared by threads, closed by its owner."""

    def __init__(self, options: TransportOptions) -> None:
        self.options = options
        self._cancelled = threading.Event()
        self._wire = Wire(options)
        self._reached: set[tuple[str, str, int | None]] = set()  # origins that have answered

    @property
    def is_cancelled(self) -> bool:
        """Tell whether the transport was closed."""
        return self._cancelled.is_set()

    def close(self) -> None:
        """Wake up threads that wait for another attempt, and close idle connections."""
        self._cancelled.set()
        self._wire.close()

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
        """Send a request until it is answered, and return the body of a successful answer.

        `attempts` is the maximum number of tries; None leaves it to the options.

        Raises:
            RegistryError: The answer is a refusal.
            TransportError: There is none.
            CancelledError: The transport was closed meanwhile.
        """
        try:
            check_url(url)
        except ValueError as error:
            raise TransportError(redact(url), f"can't be asked: {error}") from error
        request = Request(method=method, url=url, headers=headers or {}, form=form)
        return self._retry(request, authorizer, attempts or self.options.attempts)

    def pause(self, attempt: int, url: str, seconds: float | None = None) -> None:
        """Wait before attempt `attempt` + 1, for `seconds` or the usual time.

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

    def _retry(self, request: Request, authorizer: Authorizer | None, attempts: int) -> Body:
        """Try until there is success, or an answer or failure that retrying wouldn't change."""
        for attempt in itertools.count(1):
            seconds: float | None = None
            try:
                answer = self._send(request, authorizer)
            except NoAnswerError as failure:
                # a server that isn't there at all rarely comes up within a minute
                is_reached = origin(failure.url) in self._reached
                limit = attempts if is_reached else min(attempts, _UNREACHABLE_ATTEMPTS)
                if failure.is_final or attempt >= limit:
                    raise
            else:
                self._reached.add(origin(request.url))
                if 200 <= answer.status < 300:
                    return Body(answer)
                seconds = answer.retry_after_seconds
                known = authorizer is not None and authorizer.is_known
                refusal = refusal_of(answer, known=known)
                if (
                    answer.status not in _RETRIED_STATUSES
                    or attempt >= attempts
                    or (seconds or 0) > self.options.retry_after_max_seconds
                ):
                    raise refusal
            self.pause(attempt, request.url, seconds)
        raise AssertionError  # the count has no end

    def _send(self, request: Request, authorizer: Authorizer | None) -> Answer:
        """Send a request and follow redirects; sign it as long as it stays at its origin."""
        first = request.url
        hops = refusals = 0
        while True:
            if self.is_cancelled:
                raise CancelledError(redact(first))
            signer = authorizer if origin(request.url) == origin(first) else None
            used = signer.header() if signer else None
            answer = self._wire.send(_signed(request, used))
            if redirects.leads_elsewhere(answer):
                answer.close()
                hops += 1
                request = redirects.follow(answer, request, first=first, hops=hops)
            elif signer and answer.status == 401 and _authorize(signer, answer, used, refusals):
                refusals += 1
            else:
                return answer


def _signed(request: Request, header: str | None) -> Request:
    if not header:
        return request
    return dataclasses.replace(request, headers={**request.headers, "Authorization": header})


def _authorize(signer: Authorizer, answer: Answer, used: str | None, refusals: int) -> bool:
    """Answer a 401 with another signature, if there is one; gives the connection back first."""
    drain(answer)
    return signer.renew(answer.headers.get("www-authenticate", ""), used, refusals)
