"""What may be said about a URL, and what two URLs have in common."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["host_of", "is_loopback", "origin", "redact"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def redact(url: str) -> str:
    """Return a URL without user, password, query and fragment: signatures stand in queries."""
    parts = urlsplit(url)
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    # not by urlunsplit: behind an empty host it would take a path that begins so for a host
    slashes = "//" if parts.netloc or parts.path.startswith("//") else ""
    query = "?..." if parts.query else ""
    return scheme + slashes + parts.netloc.rpartition("@")[2] + parts.path + query


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what has to be equal for credentials to be shared: scheme, host and port."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme)


def host_of(location: str) -> str:
    """Return the host of `host[:port]`, without the brackets of IPv6."""
    return urlsplit(f"//{location}").hostname or ""


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address is this machine without asking anybody."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
