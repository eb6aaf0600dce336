"""What is a URL that can be asked, what may be said about it, and what two have in common.

Everything that is asked goes through `check_url` first: URLs come from users, challenges, redirects
and manifests, and libraries take what is wrong in them in many ways.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["check_host", "check_url", "host_of", "is_loopback", "origin", "redact"]

_HOST_MAX_BYTES = 253  # RFC 1035, 2.3.4, without the length bytes at both ends
_HOST = re.compile(rb"[A-Za-z0-9._-]+")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")

_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_url(url: str) -> None:
    """Demand an http URL with a host and a port that there can be.

    Raises:
        ValueError: It is none; says why.
    """
    if _CONTROL.search(url):
        msg = "it has a space or a control character in it"
        raise ValueError(msg)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        msg = f"unsupported scheme: {parts.scheme}" if parts.scheme else "it has no scheme"
        raise ValueError(msg)
    check_host(parts.hostname or "", parts.port)


def check_host(host: str, port: int | None) -> None:
    """Demand a host, without brackets, and a port that there can be.

    Raises:
        ValueError: There can't; says why.
    """
    if port is not None and not 0 <= port <= 65535:
        msg = f"a port is a number up to 65535, not: {port}"
        raise ValueError(msg)
    if ":" in host:
        ipaddress.IPv6Address(host)
        return
    try:
        encoded = host.encode("idna")  # parts of 1 to 63 bytes, among other rules
    except UnicodeError as error:
        msg = f"no host has such a name: {host!r}"
        raise ValueError(msg) from error
    if not _HOST.fullmatch(encoded) or len(encoded) > _HOST_MAX_BYTES:
        msg = f"no host has such a name: {host!r}"
        raise ValueError(msg)


def redact(url: str) -> str:
    """Return a URL without user, password, query and fragment: signatures stand in queries."""
    try:
        parts = urlsplit(url)
    except ValueError:  # it is no URL, but there may be secrets in it
        return re.sub(r"//[^/]*@", "//", re.split("[?#]", url)[0])
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
