"""Which URLs are valid, what messages may show of them, and what is sent.

Every URL goes through `check_url` before it is used: URLs come from users, challenges, redirects
and manifests, and libraries treat errors in them in many ways.

Python's urljoin and urlsplit, requests and urllib3 rewrite parts of a URL: they drop an empty
query, change percent-escapes and quote brackets. A signature covers the URL as given, so what we
send is cut out of it here, unchanged.

Source: RFC 3986, sections 5.2 and 6, and appendix B.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = [
    "check_host",
    "check_url",
    "host_of",
    "is_loopback",
    "origin",
    "redact",
    "request_target",
    "resolve",
]

_HOST_MAX_BYTES = 253  # RFC 1035, 2.3.4, without the length bytes at both ends
# patterns are compiled when they are first used
_HOST = rb"[A-Za-z0-9._-]+"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PARTS = r"(?s)(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#.*)?"
_UNSENDABLE = r"[\x00-\x20\x7f]"  # they would end the request line, or part it


def check_url(url: str) -> None:
    """Demand an http URL with a valid host and port.

    Raises:
        ValueError: It isn't one; says why.
    """
    # urlsplit drops some of them, and in a path or a query they are sent as escapes
    if re.search(_UNSENDABLE, _parts(url)[1] or ""):
        msg = "its host has a space or a control character in it"
        raise ValueError(msg)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        msg = f"unsupported scheme: {parts.scheme}" if parts.scheme else "it has no scheme"
        raise ValueError(msg)
    check_host(parts.hostname or "", parts.port)


def check_host(host: str, port: int | None) -> None:
    """Demand a valid host, without brackets, and a valid port.

    Raises:
        ValueError: One is invalid; says why.
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
    if not re.fullmatch(_HOST, encoded) or len(encoded) > _HOST_MAX_BYTES:
        msg = f"no host has such a name: {host!r}"
        raise ValueError(msg)


def redact(url: str) -> str:
    """Return a URL without user, password, query and fragment: queries hold signatures."""
    try:
        parts = urlsplit(url)
    except ValueError:  # it isn't a URL, but there may be secrets in it
        return re.sub(r"//[^/]*@", "//", re.split("[?#]", url)[0])
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    # not by urlunsplit: after an empty host it would read a path that begins with // as a host
    slashes = "//" if parts.netloc or parts.path.startswith("//") else ""
    query = "?..." if parts.query else ""
    return scheme + slashes + parts.netloc.rpartition("@")[2] + parts.path + query


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what must be equal for credentials to be shared: scheme, host and port."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme)


def host_of(location: str) -> str:
    """Return the host of `host[:port]`, without the brackets of IPv6."""
    return urlsplit(f"//{location}").hostname or ""


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address is this machine, without a lookup.

    Names below `localhost` are: RFC 6761, section 6.3.
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def request_target(url: str) -> str:
    """Return a URL's path and query letter for letter, for a request's first line."""
    _, _, path, query = _parts(url)
    return re.sub(_UNSENDABLE, lambda char: f"%{ord(char[0]):02X}", (path or "/") + (query or ""))


def resolve(base: str, reference: str) -> str:
    """Return the URL that a reference means relative to `base`, without a fragment.

    Unlike urljoin, it changes nothing but dot segments.
    """
    scheme, authority, path, query = _parts(reference)
    if scheme is None:
        scheme, base_authority, base_path, base_query = _parts(base)
        if authority is None:
            authority = base_authority
            if not path:
                path, query = base_path, base_query if query is None else query
            elif not path.startswith("/"):
                path = f"{base_path.rpartition('/')[0]}/{path}"
    return f"{scheme}://{authority or ''}{_without_dots(path)}{query or ''}"


def _parts(url: str) -> tuple[str | None, str | None, str, str | None]:
    """Split a URL: scheme, authority, path, and the query with its question mark."""
    match = re.fullmatch(_PARTS, url)
    assert match is not None  # every text is matched
    return match[1], match[2], match[3], match[4]


def _without_dots(path: str) -> str:
    _, *segments = path.split("/")
    if not {".", ".."}.intersection(segments):
        return path
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
