"""Redirects: where one leads, what may follow it there, and what may not.

Source: RFC 9110, section 15.4; net/http of Go and the Fetch standard for what becomes of a POST.
"""

from __future__ import annotations

import dataclasses
from urllib.parse import urlsplit

from pull.errors import TransportError
from pull.registry.wire import Answer, Request
from pull.spec.urls import check_url, origin, redact, resolve

__all__ = ["HOPS_MAX", "follow", "leads_elsewhere", "target_of"]

HOPS_MAX = 10
_STATUSES = frozenset({301, 302, 303, 307, 308})
_TO_GET = frozenset({301, 302, 303})  # after these, the target may be asked for by GET


def leads_elsewhere(answer: Answer) -> bool:
    """Tell whether an answer is a redirect with a target."""
    return answer.status in _STATUSES and answer.location is not None


def follow(answer: Answer, request: Request, *, first: str, hops: int) -> Request:
    """Return what to ask for instead of `request`; `hops` counts this redirect too.

    At the origin of the `first` URL a login may be posted again, which helps more than a GET.
    Another server never gets it.

    Raises:
        TransportError: It leads nowhere, in a loop, to plain http, or would pass on a login.
    """
    if hops > HOPS_MAX:
        raise TransportError(redact(first), f"more than {HOPS_MAX} redirects")
    target = target_of(answer.location or "", request.url, first)
    onward = dataclasses.replace(request, url=target)
    is_away = origin(target) != origin(first)
    if request.form and answer.status in (_TO_GET if is_away else (303,)):
        return dataclasses.replace(onward, method="GET", form=None)
    if request.form and is_away:
        reason = f"redirected a login to another server: {redact(target)}"
        raise TransportError(redact(first), reason)
    return onward


def target_of(location: str, current: str, first: str) -> str:
    """Return the URL that a Location means; refuse one that is invalid or leaves TLS."""
    try:
        target = resolve(current, location)
        check_url(target)
    except ValueError as error:
        reason = f"redirected to an invalid URL: {error}"
        raise TransportError(redact(first), reason) from error
    if urlsplit(target).scheme == "http" and urlsplit(current).scheme == "https":
        raise TransportError(redact(first), f"redirected from https to http: {redact(target)}")
    return target
