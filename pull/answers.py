"""What answers and failures of HTTP mean, in words: refusals, pauses, broken connections."""

from __future__ import annotations

import email.utils
import http.client
import json
import ssl
import time

import requests
import urllib3

from pull.errors import AccessDeniedError, NotFoundError, RegistryError
from pull.urls import redact

__all__ = ["drain", "reason_of", "refusal_of", "retry_after_seconds"]

_ERROR_BODY_MAX_BYTES = 8192
_DETAIL_MAX_CHARS = 200
_DIGITS_MAX = 9


def drain(response: requests.Response) -> None:
    """Give the connection back: a short body that was read lets it be used again."""
    try:
        response.raw.read(_ERROR_BODY_MAX_BYTES, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError):
        pass
    finally:
        response.close()


def retry_after_seconds(response: requests.Response) -> float | None:
    """Return how long the server asks to wait, in seconds; None where it does not."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return float(text[:_DIGITS_MAX])
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, until - time.time())


def refusal_of(url: str, response: requests.Response, *, known: bool) -> RegistryError:
    """Make the error for an answer that is none of success; gives the connection back.

    `known` is whether it was somebody's request: a login that has expired is refused where an
    anonymous user is not.
    """
    status = response.status_code
    detail = _detail(response)
    # where a redirect led, it is that host's answer
    where = redact(response.url or url)
    if status == 401:
        advice = "log in with docker, podman or skopeo, or use --username with --password-stdin"
        if known:
            advice += ", or use --anonymous for a public image"
        return AccessDeniedError(where, status=status, detail=detail, advice=advice)
    if status == 403:
        advice = "use --anonymous for a public image" if known else ""
        return AccessDeniedError(where, status=status, detail=detail, advice=advice)
    if status == 404:
        return NotFoundError(where, status=status, detail=detail)
    return RegistryError(where, status=status, detail=detail)


def _detail(response: requests.Response) -> str:
    """Read what the distribution API puts into the body of an error; give the connection back."""
    try:
        data = response.raw.read(_ERROR_BODY_MAX_BYTES, decode_content=False)
        errors = json.loads(data)["errors"]
        text = "; ".join(f"{error['code']}: {error.get('message', '')}" for error in errors)
    except (urllib3.exceptions.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError):
        text = response.reason or ""
    finally:
        response.close()
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= _DETAIL_MAX_CHARS else f"{clean[:_DETAIL_MAX_CHARS]}..."


def reason_of(error: BaseException) -> str:
    """Find the words for a person in what requests and urllib3 wrap in several layers."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "timed out"
    seen: BaseException | None = error
    deepest = ""
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return f"TLS failed: {seen.args[-1]}"
        if isinstance(seen, http.client.IncompleteRead):
            return "the connection ended too early"
        if isinstance(seen, OSError) and seen.strerror:
            deepest = seen.strerror.lower()
        seen = seen.__cause__ or seen.__context__
    return deepest or f"no usable answer: {type(error).__name__}"
