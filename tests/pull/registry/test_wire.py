"""HTTP as servers really speak it: redirects to signed URLs, interim responses, broken bodies."""

from __future__ import annotations

import base64
import logging
import random
from dataclasses import replace
from pathlib import Path

import pytest

from pull.errors import PullError, TransportError
from pull.registry.options import TransportOptions
from pull.registry.transport import Transport
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import descriptor, make_image
from tests.pull.registry.pulling import HASTY, IMPATIENT, assert_sound, fetch

IMAGE = make_image([random.Random(8).randbytes(400_000)], compress="plain")
BIG = IMAGE.layers[0]
BLOB = "GET .*/blobs/" + next(d for d, blob in IMAGE.blobs.items() if blob == BIG)
QUICK: TransportOptions = replace(IMPATIENT, backoff_seconds=0.0)

# what a server may have signed; skopeo sends all of these as they are, apart from bytes that are
# not ASCII in a path, which it escapes
SIGNED = [
    "/x?sig=a%2bb%3d",
    "/x?sig=a%2Bb%3D",
    "/x?sig=a%7Eb~",
    "/x?sig=%41%42",
    "/a%2fb%2F/c?x=1",
    "/x?k=[1]",
    "/x?a=b+c&d=%20",
    '/x?a="<>\\^`{|}',
    "/x?",
    "/x??a=?&&",
    "/x//y//?z",
    "/x;p=1,2'!$(*)@:?q",
    "/x?a=%zz",
    "/x?sig=\u00e9",
    "/\u00e9?sig=1",
]


@pytest.mark.parametrize("target", SIGNED)
@pytest.mark.parametrize("where", ["elsewhere", "same host", "relative"])
def test_location_is_used_as_sent(target: str, where: str, tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as storage:
        reference = registry.add("app", "v1", IMAGE)
        # a header goes out as latin-1, a byte for a character; and so comes the path back
        sent = target.encode().decode("latin-1")
        server = storage if where == "elsewhere" else registry
        server.pages[sent.partition("?")[0]] = BIG
        location = {
            "elsewhere": f"http://{storage.address}{sent}",
            "same host": f"http://{registry.address}{sent}",
            "relative": sent,
        }[where]
        quirk = Quirk(BLOB, status=307, headers={"Location": location}, body=b"")
        registry.quirks.append(quirk)
        assert fetch(reference, tmp_path) == [BIG]
        assert sent in [item.path for item in server.requests]


def test_foreign_url_is_used_as_it_is(tmp_path: Path) -> None:
    with FakeRegistry() as storage, FakeRegistry() as registry:
        target = "/layer%2f1?sig=%7e%2b+[1]"
        storage.pages["/layer%2f1"] = BIG
        media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar"
        entry = descriptor(BIG, media_type, urls=[f"http://{storage.address}{target}#fragment"])
        image = make_image([BIG], compress="plain", layers=[entry])
        reference = registry.add("app", "v1", image)
        del registry.blobs[str(entry["digest"])]
        assert fetch(reference, tmp_path) == [BIG]
        assert [item.path for item in storage.requests] == [target]


def test_location_with_spaces_is_sent_so_that_it_arrives(tmp_path: Path) -> None:
    # nothing may stand in a request's first line as it is that would end it
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.pages["/a%20b"] = BIG
        location = {"Location": "/a b?c d"}
        registry.quirks.append(Quirk(BLOB, status=302, headers=location, body=b""))
        assert fetch(reference, tmp_path) == [BIG]
        assert registry.count("GET /a%20b\\?c%20d") == 1


@pytest.mark.parametrize("authority", ["a\\b", "a b", "a^b", "a<b>", "\xff"])
def test_location_at_what_is_no_host(authority: str, tmp_path: Path) -> None:
    quirk = Quirk(BLOB, status=307, headers={"Location": f"http://{authority}/x"}, body=b"")
    with (
        FakeRegistry(quirk) as registry,
        pytest.raises(TransportError, match="redirected to an invalid URL"),
    ):
        fetch(registry.add("app", "v1", IMAGE), tmp_path)


def test_no_query_reaches_logs_and_causes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # a header that can't be parsed makes urllib3 warn with the URL; a failure carries it along
    caplog.set_level(logging.DEBUG)
    secret = "X-Amz-Signature=s1gned"
    with FakeRegistry() as registry, FakeRegistry() as storage:
        reference = registry.add("app", "v1", IMAGE)
        location = {"Location": f"http://{storage.address}/gone?{secret}"}
        registry.quirks.append(Quirk(BLOB, status=307, headers=location, body=b""))
        storage.quirks.append(Quirk("/gone", cut_after=0, headers={"X": "a\r\nnonsense"}))
        with pytest.raises(PullError) as caught:
            fetch(reference, tmp_path, transport=QUICK)
        storage.quirks[:] = [Quirk("/gone", before=b"no http\r\n\r\n")]
        with pytest.raises(PullError) as caught_again:
            fetch(reference, tmp_path, transport=QUICK)
    said = caplog.text
    for error in (caught.value, caught_again.value):
        seen: BaseException | None = error
        while seen is not None:
            said += f"{seen} {seen!r}"
            seen = seen.__cause__ or seen.__context__
    assert "/gone" in said
    assert "s1gned" not in said


INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nContent-Length: 5\r\n\r\n",
    "104": b"HTTP/1.1 104 Upload Resumption Supported\r\n\r\n",
    "199 without words": b"HTTP/1.1 199\r\n\r\n",
    "several": b"HTTP/1.1 102 P\r\n\r\n" * 5 + b"HTTP/1.1 103 E\r\nA: b\r\n\r\n" * 5,
}


@pytest.mark.parametrize("name", INTERIM)
@pytest.mark.parametrize("where", ["HEAD ", "/manifests/", "/blobs/", "/token"])
def test_interim_answers_are_passed_over(name: str, where: str, tmp_path: Path) -> None:
    # RFC 9110, section 15.2: "a client MUST be able to parse one or more 1xx responses"
    with FakeRegistry(Quirk(where, before=INTERIM[name])) as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.challenge = f'Bearer realm="http://{registry.address}/token"'
        registry.accepted = {"Bearer good"}
        registry.pages["/token"] = b'{"token": "good"}'
        assert fetch(reference, tmp_path) == [BIG]
        assert fetch(reference, tmp_path) == [BIG]
        assert [item.status for item in registry.matching("HEAD")] == [401, 200]


def test_interim_answers_without_end(tmp_path: Path) -> None:
    endless = Quirk("/manifests/", before=INTERIM["102"] * 10_000)
    with FakeRegistry(endless) as registry, pytest.raises(TransportError, match="no usable answer"):
        fetch(registry.add("app", "v1", IMAGE), tmp_path, transport=QUICK)


def test_chunked_body(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("GET", chunk_bytes=1000)) as registry:
        assert fetch(registry.add("app", "v1", IMAGE), tmp_path) == [BIG]
        assert registry.count(BLOB) == 1


SMALL = make_image([bytes(range(50))], compress="plain")
SMALL_BLOB = "GET .*/blobs/" + next(d for d, blob in SMALL.blobs.items() if blob in SMALL.layers)


def kept_of(sent: int, chunk: int, size: int) -> int:
    """Tell how many bytes of a body have come when `sent` bytes of its chunks have."""
    kept = 0
    while kept < size and sent > 0:
        length = min(chunk, size - kept)
        header = len(f"{length:x}\r\n")
        kept += max(0, min(length, sent - header))
        sent -= header + length + 2
    return kept


@pytest.mark.parametrize("sent", range(1, 79))
def test_chunked_body_that_breaks_goes_on_where_it_broke(sent: int, tmp_path: Path) -> None:
    # in chunks of 16 bytes: in a header, in its line end, in the data, behind it, in the last one
    quirk = Quirk(SMALL_BLOB, times=1, chunk_bytes=16, close_after=sent)
    with FakeRegistry(quirk) as registry:
        reference = registry.add("app", "v1", SMALL)
        assert fetch(reference, tmp_path, transport=QUICK) == list(SMALL.layers)
        first, *again = registry.matching(SMALL_BLOB)
        assert "range" not in first.headers
        kept = kept_of(sent, 16, 50)
        offsets = [item.headers.get("range", "bytes=0-") for item in again]
        assert offsets == ([f"bytes={kept}-"] if kept < 50 else [])
        assert_sound(tmp_path)


@pytest.mark.parametrize("chunk", [5, 50_000, 1 << 20])
def test_chunked_body_that_always_breaks_comes_at_last(chunk: int, tmp_path: Path) -> None:
    with FakeRegistry(Quirk(BLOB, chunk_bytes=chunk, close_after=20_000)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert fetch(reference, tmp_path, transport=QUICK) == [BIG]
        assert_sound(tmp_path)


BAD_FRAMES = [b"-5\r\nhello", b"0x10\r\n", b"1_0\r\n", b"zz\r\n", b"\r\n", b"5", b"f" * 100_000]


@pytest.mark.parametrize("frame", BAD_FRAMES, ids=lambda frame: repr(frame[:8]))
def test_chunks_that_are_none(frame: bytes, tmp_path: Path) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    quirk = Quirk(BLOB, times=1, headers=headers, drop=("Content-Length",), body=frame)
    with FakeRegistry(quirk) as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert fetch(reference, tmp_path, transport=HASTY) == [BIG]


def test_trailers_without_end(tmp_path: Path) -> None:
    body = b"%x\r\n%b\r\n0\r\n" % (len(BIG), BIG) + b"X: y\r\n" * 100_000
    headers = {"Transfer-Encoding": "chunked"}
    quirk = Quirk(BLOB, headers=headers, drop=("Content-Length",), body=body)
    with FakeRegistry(quirk) as registry:
        assert fetch(registry.add("app", "v1", IMAGE), tmp_path, transport=QUICK) == [BIG]
        assert registry.count(BLOB) == 1


def test_what_came_before_a_stall_is_kept(tmp_path: Path) -> None:
    with FakeRegistry(Quirk(BLOB, times=3, hang_after=30_000)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert fetch(reference, tmp_path, transport=HASTY) == [BIG]
        offsets = [item.headers.get("range") for item in registry.matching(BLOB)]
        assert offsets == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3"])
def test_loopback_is_never_asked_of_a_proxy(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # golang.org/x/net/http/httpproxy, useProxy: whatever the environment says
    with FakeRegistry() as proxy, FakeRegistry(host=host) as registry:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.address}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.delenv("NO_PROXY", raising=False)
        registry.add("app", "v1", IMAGE)
        port = registry.address.rpartition(":")[2]
        assert fetch(f"{host}:{port}/app:v1", tmp_path) == [BIG]
        assert proxy.requests == []


def test_redirect_to_loopback_goes_round_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeRegistry() as proxy, FakeRegistry() as storage:
        url = "http://r.example/v2/app/"
        proxy.manifests[f"{url}manifests/v1"] = (IMAGE.manifest, IMAGE.media_type)
        proxy.blobs |= IMAGE.blobs
        storage.pages["/x"] = BIG
        location = {"Location": f"http://{storage.address}/x?sig=%2b"}
        proxy.quirks.append(Quirk(BLOB, status=307, headers=location, body=b""))
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert fetch("r.example/app:v1", tmp_path) == [BIG]
        assert [item.path for item in storage.requests] == ["/x?sig=%2b"]


def test_proxy_gets_the_url_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRegistry() as proxy:
        url = "http://r.example/v2/app/"
        proxy.manifests[f"{url}manifests/v1"] = (IMAGE.manifest, IMAGE.media_type)
        proxy.blobs |= IMAGE.blobs
        proxy.pages["http://s.example/a%2fb"] = BIG
        location = {"Location": "http://s.example/a%2fb?sig=%7e"}
        proxy.quirks.append(Quirk(BLOB, status=307, headers=location, body=b""))
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy.address}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert fetch("r.example/app:v1", tmp_path) == [BIG]
        assert proxy.count(r"GET http://s\.example/a%2fb\?sig=%7e$") == 1
        login = base64.b64encode(b"me:p@ss").decode()
        said = {item.headers.get("proxy-authorization") for item in proxy.requests}
        assert said == {f"Basic {login}"}
        assert all("host" in item.headers for item in proxy.requests)


def test_connection_is_used_again_after_a_chunked_body() -> None:
    with FakeRegistry(Quirk("GET", chunk_bytes=10)) as registry:
        registry.pages["/x"] = b"x" * 95
        transport = Transport(IMPATIENT)
        for _ in range(3):
            with transport.request("GET", f"http://{registry.address}/x") as body:
                assert body.read_all(100) == b"x" * 95
        assert registry.connections == 1
        transport.close()


def test_headers_that_a_proxy_has_doubled(tmp_path: Path) -> None:
    # Go's Header.Get returns the first one
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.pages["/x"] = BIG
        location = {"Location": "/x?a,b"}
        doubled = (("Location", "/y"),)
        digest = (("Docker-Content-Digest", IMAGE.digest),)
        registry.quirks += [
            Quirk(BLOB, status=307, headers=location, more_headers=doubled, body=b""),
            Quirk("/manifests/", more_headers=digest),
        ]
        for _ in range(2):
            assert fetch(reference, tmp_path) == [BIG]
        assert registry.count(r"GET /x\?a,b$") == 1
        assert registry.count("GET .*/manifests/") == 1


@pytest.mark.parametrize("length", ["1", "99999999", "nonsense", "-5"])
def test_length_beside_chunks_does_not_count(length: str, tmp_path: Path) -> None:
    # RFC 9112, section 6.3: "the Transfer-Encoding overrides the Content-Length"
    quirk = Quirk("GET", chunk_bytes=1000, more_headers=(("Content-Length", length),))
    with FakeRegistry(quirk) as registry:
        assert fetch(registry.add("app", "v1", IMAGE), tmp_path) == [BIG]
        assert registry.count(BLOB) == 1


@pytest.mark.parametrize("sent", [0, 1, 1000, 399_999])
def test_length_that_is_never_sent(sent: int, tmp_path: Path) -> None:
    # right as a promise, and broken each time
    with FakeRegistry(Quirk(BLOB, times=2, close_after=sent)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert fetch(reference, tmp_path, transport=QUICK) == [BIG]
        assert_sound(tmp_path)
