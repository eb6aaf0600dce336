from __future__ import annotations

import pytest

from pull.spec.urls import host_of, is_loopback, origin, redact, request_target, resolve

REDACTED = {
    "https://r.example/v2/a/manifests/b": "https://r.example/v2/a/manifests/b",
    "https://user:pw@r.example/x": "https://r.example/x",
    "https://r.example/x?X-Amz-Signature=abc": "https://r.example/x?...",
    "https://r.example/x?sig=abc#frag": "https://r.example/x?...",
}


@pytest.mark.parametrize("url", REDACTED)
def test_redact(url: str) -> None:
    assert redact(url) == REDACTED[url]


def test_origin() -> None:
    assert origin("https://R.example/x") == origin("https://r.example:443/y")
    assert origin("https://r.example/") != origin("http://r.example/")
    assert origin("https://r.example/") != origin("https://r.example:444/")
    assert origin("https://r.example/") != origin("https://s.example/")


@pytest.mark.parametrize(
    ("location", "loopback"),
    [
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("[::1]:5000", True),
        ("[::ffff:127.0.0.1]:5000", True),
        ("registry.localhost:5000", True),  # RFC 6761, section 6.3
        ("localhost.:5000", True),
        ("notlocalhost", False),
        ("[::ffff:10.0.0.1]", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("r.example:5000", False),
    ],
)
def test_loopback(location: str, loopback: bool) -> None:  # noqa: FBT001  # pytest's parameters
    assert is_loopback(host_of(location)) is loopback


# RFC 3986, section 5.4, as far as http goes; `http://a/b/c/d;p?q` is the base
RESOLVED = {
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q",
    "g#s": "http://a/b/c/g",
    ";x": "http://a/b/c/;x",
    "g;x?y#s": "http://a/b/c/g;x?y",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "..": "http://a/b/",
    "../g": "http://a/b/g",
    "../../../g": "http://a/g",
    "/./g": "http://a/g",
    "g.": "http://a/b/c/g.",
    "..g": "http://a/b/c/..g",
    "./g/.": "http://a/b/c/g/",
    "g/../h": "http://a/b/c/h",
    "g?y/../x": "http://a/b/c/g?y/../x",
    # what urljoin would change
    "?": "http://a/b/c/d;p?",
    "/x?": "http://a/x?",
    "https://h//x//": "https://h//x//",
    "/%7e%2f%2F": "http://a/%7e%2f%2F",
}


@pytest.mark.parametrize("reference", RESOLVED)
def test_resolve(reference: str) -> None:
    assert resolve("http://a/b/c/d;p?q", reference) == RESOLVED[reference]


TARGETS = {
    "http://a": "/",
    "http://a?b": "/?b",
    "http://a/%7e%2b?x=%2f+[1]&~#f": "/%7e%2b?x=%2f+[1]&~",
    "http://a/x?": "/x?",
    "http://a/a b?c\td": "/a%20b?c%09d",
    "http://a/\r\nHost: b": "/%0D%0AHost:%20b",
    "http://a/\u00e9": "/\u00e9",
}


@pytest.mark.parametrize("url", TARGETS)
def test_request_target(url: str) -> None:
    assert request_target(url) == TARGETS[url]
