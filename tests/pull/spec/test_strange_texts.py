"""Any text in place of a name, a URL or a size is understood, or gives one of our errors."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pull.command.arguments import parse_arguments
from pull.errors import PullError, TransportError
from pull.registry.auth import check_realm
from pull.registry.options import TransportOptions
from pull.registry.redirects import target_of
from pull.registry.transport import Transport
from pull.spec.reference import LocalReference, parse_reference
from pull.spec.urls import check_url, redact
from pull.wording import in_short, shown
from pyext4.sizes import parse_size

PIECES = ["http://", "https://", "[", "]", "::1", ":", "/", "@", "99999", "%", "a" * 64, ".", "-"]
PIECES += ["localhost", "r.example", "\0", "\n", "\x1b", "é", "☃", "\udcff", "?", "#", "ftp:", " "]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=40)
urls = texts.map(lambda text: f"http://{text}") | texts
HOSTS = ["[::1", "[::1]:", "a..b", "a" * 64 + ".b", "x:99999", "x:port", "é" * 80, "[]", "%00"]


def refused() -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(PullError)


@given(texts)
def test_reference(text: str) -> None:
    with refused():
        parsed = parse_reference(text)
        if not isinstance(parsed, LocalReference):
            check_url(f"https://{parsed.registry}/v2/{parsed.repository}")


@pytest.mark.parametrize("host", HOSTS)
def test_host_of_a_reference(host: str) -> None:
    with pytest.raises(PullError) as caught:
        parse_reference(f"{host}/name")
    assert str(caught.value).isprintable()


def usage(*arguments: str) -> None:
    with contextlib.suppress(SystemExit):
        parse_arguments(["ref", "out", *arguments])


@given(urls)
@example("http://[::1")
def test_mirror(text: str) -> None:
    usage(f"--mirror=docker.io={text}")


@settings(deadline=None)  # the parser is made anew each time
@given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,200}[KMGTPE]?", fullmatch=True))
@example("99999999999E")
@example("9" * 5000)
def test_sizes_and_numbers(text: str) -> None:
    for option in ("size", "free", "inodes", "block-size", "journal-size", "reserved", "jobs"):
        usage(f"--{option}={text}")
    for option in ("timeout", "uuid", "platform", "features"):
        usage(f"--{option}={text}")
    usage(f"--limit=entries={text}")
    with contextlib.suppress(ValueError):
        assert 0 <= parse_size(text) < 1 << 63


@given(urls)
@example("https://[/token")
def test_realm(text: str) -> None:
    with refused():
        check_realm(text, "https://r.example", resolve=lambda _: ["93.184.216.34"])


@given(urls)
def test_location(text: str) -> None:
    with refused():
        target = target_of(text, "http://r.example/a", "http://r.example/a")
        assert urlsplit(target).hostname


QUICK = TransportOptions(attempts=1, connect_timeout_seconds=0.01, plain_http=True)


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "[::1]:"])
def test_foreign_url(host: str) -> None:
    transport = Transport(QUICK)
    with pytest.raises(TransportError, match="can't be asked"):
        transport.request("GET", f"http://{host}/layer")
    transport.close()


@given(texts)
def test_redacting(text: str) -> None:
    redact(text)
    assert "s3cret" not in redact(f"http://user:s3cret@[::1/{text.replace('@', '')}")


@given(st.text() | texts)
def test_what_is_shown_can_be_printed(text: str) -> None:
    once = shown(text)
    assert once.isprintable()
    assert shown(once) == once
    assert str(PullError(text)).isprintable()
    once.encode()


def test_what_is_too_long_keeps_both_ends() -> None:
    text = "a" * 50_000 + ": no such file"
    assert len(in_short(text)) <= 1000
    assert in_short(text).startswith("aaa")
    assert in_short(text).endswith("a: no such file")
    assert len(str(PullError(text))) <= 4000
