from __future__ import annotations

import pytest

from pull.urls import host_of, is_loopback, origin, redact

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
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("r.example:5000", False),
    ],
)
def test_loopback(location: str, loopback: bool) -> None:  # noqa: FBT001  # pytest's parameters
    assert is_loopback(host_of(location)) is loopback
