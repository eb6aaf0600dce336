"""Put a refusal into words: the status, and what the distribution API has in the body."""

from __future__ import annotations

import json

from pull.errors import AccessDeniedError, NotFoundError, RegistryError
from pull.registry.wire import Answer

__all__ = ["drain", "refusal_of"]

_ERROR_BODY_MAX_BYTES = 8192
_DETAIL_MAX_CHARS = 200
_FOR_TLS = b"HTTPS"  # Go's and nginx's servers answer http on a TLS port in words


def drain(answer: Answer) -> None:
    """Give the connection back: a short body that was read lets it be used again."""
    answer.finish(_ERROR_BODY_MAX_BYTES)


def refusal_of(answer: Answer, *, known: bool) -> RegistryError:
    """Make the error for an answer that isn't a success; gives the connection back.

    `known` is whether the request had a login: an expired login may be refused when an anonymous
    user is not.
    """
    status = answer.status
    detail = _detail(answer)
    if status == 401:
        advice = "log in with docker, podman or skopeo, or use --username with --password-stdin"
        if known:
            advice += ", or use --anonymous for a public image"
        return AccessDeniedError(answer.url, status=status, detail=detail, advice=advice)
    if status == 403:
        advice = "use --anonymous for a public image" if known else ""
        return AccessDeniedError(answer.url, status=status, detail=detail, advice=advice)
    if status == 404:
        return NotFoundError(answer.url, status=status, detail=detail)
    return RegistryError(answer.url, status=status, detail=detail)


def _detail(answer: Answer) -> str:
    """Read the codes and messages of a refusal, or else its status's reason."""
    data = answer.finish(_ERROR_BODY_MAX_BYTES)
    try:
        errors = json.loads(data)["errors"]
        text = "; ".join(f"{error['code']}: {error.get('message', '')}" for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        text = answer.reason
        if answer.status == 400 and _FOR_TLS in data:
            text = "it speaks TLS there; leave --plain-http out"
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= _DETAIL_MAX_CHARS else f"{clean[:_DETAIL_MAX_CHARS]}..."
