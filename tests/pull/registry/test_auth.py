"""Parsing challenges, and realms that must not be trusted."""

from __future__ import annotations

import pytest

from pull.errors import TransportError
from pull.registry.auth import check_realm
from pull.registry.challenges import Challenge, parse_challenges

CHALLENGES: dict[str, list[Challenge]] = {
    "": [],
    "Basic": [Challenge("basic", {})],
    'Basic realm="x"': [Challenge("basic", {"realm": "x"})],
    "bAsIc realm=x": [Challenge("basic", {"realm": "x"})],
    'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"': [
        Challenge(
            "bearer",
            {"realm": "https://a/t", "service": "s", "scope": "repository:a/b:pull,push"},
        )
    ],
    'Bearer realm = "a" , service= "b"': [Challenge("bearer", {"realm": "a", "service": "b"})],
    'Bearer REALM="a"': [Challenge("bearer", {"realm": "a"})],
    r'Bearer realm="a\"b\\c"': [Challenge("bearer", {"realm": 'a"b\\c'})],
    'Negotiate, Basic realm="x", Bearer realm="y",service="z"': [
        Challenge("negotiate", {}),
        Challenge("basic", {"realm": "x"}),
        Challenge("bearer", {"realm": "y", "service": "z"}),
    ],
    'Bearer realm="never ends': [Challenge("bearer", {})],
    # RFC 9110, section 11.2: a token68 may stand in the parameters' place
    'Negotiate YIIJ+/w._~-==, Basic realm="x"': [
        Challenge("negotiate", {}),
        Challenge("basic", {"realm": "x"}),
    ],
    "NTLM TlRMTVNTUAACAAAA/AA=": [Challenge("ntlm", {})],
    "NTLM abc , Negotiate": [Challenge("ntlm", {}), Challenge("negotiate", {})],
    'Digest realm="a, b", qop="auth,auth-int", Bearer realm="https://a/t?x=1#y"': [
        Challenge("digest", {"realm": "a, b", "qop": "auth,auth-int"}),
        Challenge("bearer", {"realm": "https://a/t?x=1#y"}),
    ],
    # section 5.6.1: a list may have empty elements
    ', ,Basic realm="x",, charset="UTF-8",': [
        Challenge("basic", {"realm": "x", "charset": "UTF-8"})
    ],
    'Bearer realm="a", error=, service="b"': [Challenge("bearer", {"realm": "a", "service": "b"})],
    "Bearer realm=https://a/t?x=1,service=b": [
        Challenge("bearer", {"realm": "https://a/t?x=1", "service": "b"})
    ],
    '"no scheme", a=b, Basic realm=x': [Challenge("basic", {"realm": "x"})],
    'Bearer error="invalid_token"': [Challenge("bearer", {"error": "invalid_token"})],
    "=,=": [],
    "====": [],
    '"': [],
    '\\"\\': [],
}

# (realm, registry): what the message says, None where it is fine
REALMS: dict[tuple[str, str], str | None] = {
    ("https://auth.example/token", "https://r.example"): None,
    ("https://r.example/token", "https://r.example"): None,
    ("https://r.example:8443/token", "https://r.example"): None,
    ("http://r.example/token", "http://r.example"): None,
    ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000"): None,
    ("http://localhost:5001/token", "http://127.0.0.1:5000"): None,
    ("https://127.0.0.1:5001/token", "https://127.0.0.1:5000"): None,
    ("https://10.0.0.2/token", "https://10.0.0.1"): None,
    ("https://8.8.8.8/token", "https://1.1.1.1"): None,
    ("https://inside.example/token", "https://inside.example"): None,
    ("https://inside.example/token", "https://10.0.0.1"): None,
    ("https://only-a-proxy-knows.example/token", "https://r.example"): None,
    ("https://inside.example/token", "https://r.example"): "private address",
    ("https://linked.example/token", "https://r.example"): "private address",
    ("http://auth.example/token", "https://r.example"): "plain http",
    ("http://r.example/token", "https://r.example"): "plain http",
    ("http://8.8.8.8/token", "http://r.example"): "plain http",
    ("https://127.0.0.1/token", "https://1.1.1.1"): "private address",
    ("https://localhost/token", "https://1.1.1.1"): "private address",
    ("https://10.0.0.2/token", "https://1.1.1.1"): "private address",
    ("https://169.254.169.254/latest", "https://1.1.1.1"): "private address",
    ("https://[::1]/token", "https://1.1.1.1"): "private address",
    ("https://[fd00::1]/token", "https://1.1.1.1"): "private address",
    ("ftp://r.example/token", "https://r.example"): "not an http URL",
    ("/token", "https://r.example"): "not an http URL",
    ("https://r.example:port/token", "https://r.example"): "not an http URL",
    ("https://[/token", "https://r.example"): "not an http URL",
}


@pytest.mark.parametrize("header", CHALLENGES)
def test_challenges(header: str) -> None:
    assert parse_challenges(header) == CHALLENGES[header]


ADDRESSES = {
    "auth.example": ["8.8.8.8"],
    "r.example": ["1.1.1.1", "2606:4700::1111"],
    "inside.example": ["8.8.8.8", "10.0.0.5"],
    "linked.example": ["fe80::1%eth0"],
}


def resolve(host: str) -> list[str]:
    return ADDRESSES.get(host, [host] if host[0].isdigit() or ":" in host else [])


@pytest.mark.parametrize(("realm", "registry"), REALMS)
def test_realms(realm: str, registry: str) -> None:
    says = REALMS[realm, registry]
    if says is None:
        check_realm(realm, registry, resolve=resolve)
    else:
        with pytest.raises(TransportError, match=says):
            check_realm(realm, registry, resolve=resolve)
