"""What answers and failures of HTTP mean, in words: refusals, pauses, broken connections."""

from __future__ import annotations

import email.utils
import http.client
import json
import ssl
import time
from collections.abc import Iterator

import requests
import urllib3

from pull.errors import AccessDeniedError, NotFoundError, RegistryError
from pull.spec.urls import redact

__all__ = ["drain", "is_worth_another_try", "reason_of", "refusal_of", "retry_after_seconds"]

_ERROR_BODY_MAX_BYTES = 8192
_DETAIL_MAX_CHARS = 200
_DIGITS_MAX = 9
# OpenSSL's names for what comes of an answer that is no TLS, in its versions 1.1.1, 3.0 and 3.4
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)
_OTHER_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_FOR_TLS = b"HTTPS"  # Go's and nginx's servers answer http on a TLS port in words


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
    data = b""
    try:
        data = response.raw.read(_ERROR_BODY_MAX_BYTES, decode_content=False)
        errors = json.loads(data)["errors"]
        text = "; ".join(f"{error['code']}: {error.get('message', '')}" for error in errors)
    except (urllib3.exceptions.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError):
        text = response.reason or ""
        if response.status_code == 400 and _FOR_TLS in data:
            text = "it speaks TLS there; leave --plain-http out"
    finally:
        response.close()
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= _DETAIL_MAX_CHARS else f"{clean[:_DETAIL_MAX_CHARS]}..."


def reason_of(error: BaseException) -> str:
    """Find the words for a person in what requests and urllib3 wrap in several layers."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "timed out"
    found = _reason_of_causes(error)
    if not found and isinstance(error, ValueError):
        found = str(error)
    return found or f"no usable answer: {type(error).__name__}"


def _reason_of_causes(error: BaseException) -> str:
    proxy = ""
    deepest = ""
    for seen in _causes(error):
        if isinstance(seen, urllib3.exceptions.ProxyError):
            proxy = f"the proxy {_proxy_of(error)} can't be used: "
            deepest = str(seen.original_error).lower()
        if isinstance(seen, ssl.SSLError):
            return f"{proxy}TLS failed: {_tls_reason(seen)}"
        if isinstance(seen, http.client.IncompleteRead):
            return "the connection ended too early"
        if isinstance(seen, http.client.HTTPException):
            return f"{proxy}no usable answer: {_http_reason(seen)}"
        if isinstance(seen, OSError) and seen.strerror:
            deepest = seen.strerror.lower()
    return f"{proxy}{deepest}"


def is_worth_another_try(error: BaseException) -> bool:
    """Tell whether a failure may be another one, or none, in a moment."""
    return not any(
        isinstance(seen, ssl.SSLCertVerificationError)
        or (isinstance(seen, ssl.SSLError) and seen.reason in _NO_TLS)
        for seen in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _tls_reason(error: ssl.SSLError) -> str:
    if error.reason in _NO_TLS:
        return "the server speaks no TLS there; use --plain-http if it may be spoken to so"
    if not isinstance(error, ssl.SSLCertVerificationError):
        return str(error.args[-1])
    reason = error.verify_message
    if error.verify_code in _OTHER_NAME:
        return f"the certificate is another host's: {reason}"
    # what is out of date or revoked is so whoever is trusted
    advice = (
        "; trust its authority with --cacert FILE" if "issuer" in reason or "self" in reason else ""
    )
    return f"the certificate can't be verified: {reason}{advice}"


def _http_reason(error: http.client.HTTPException) -> str:
    said = str(error)
    # an alert of TLS in the place of a status line
    if isinstance(error, http.client.BadStatusLine) and said.startswith("\x15\x03"):
        return "the server speaks TLS there; leave --plain-http out"
    return f"{type(error).__name__}: {said[:_DETAIL_MAX_CHARS]}" if said else type(error).__name__


def _proxy_of(error: BaseException) -> str:
    """Return which proxy the environment names for the request that failed."""
    request = error.request if isinstance(error, requests.RequestException) else None
    if request is None or not request.url:
        return "of the environment"
    found = requests.utils.select_proxy(
        request.url, requests.utils.get_environ_proxies(request.url)
    )
    return redact(found) if found else "of the environment"
