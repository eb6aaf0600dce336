"""What HTTP could leak or be tricked into: redirects to http, `.netrc`, cookies."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from pull.errors import CancelledError, TransportError
from pull.registry.transport import Transport
from tests.pull.registry.certificates import make_authority
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import IMPATIENT, fetch

IMAGE = make_image([b"x" * 1000])
LAYER = "GET .*/blobs/" + next(d for d, blob in IMAGE.blobs.items() if blob in IMAGE.layers)


@pytest.mark.oracle
def test_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    pair = authority.sign("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    secure = replace(IMPATIENT, plain_http=False, cacert=authority.pair.certificate)
    with FakeRegistry(tls=context) as registry, FakeRegistry() as storage:
        storage.pages["/layer"] = IMAGE.layers[0]
        reference = registry.add("app", "v1", IMAGE)
        target = f"http://{storage.address}/layer?sig=s3cret"
        registry.quirks.append(Quirk(LAYER, status=307, headers={"Location": target}, body=b""))
        with pytest.raises(TransportError, match="from https to http") as caught:
            fetch(reference, tmp_path / "cache", transport=secure)
        assert "s3cret" not in str(caught.value)
        assert storage.requests == []
        registry.quirks.clear()
        assert fetch(reference, tmp_path / "cache", transport=secure) == list(IMAGE.layers)


@pytest.mark.parametrize("target", ["http://host:port/x", "http://[/x", "ftp://x/y"])
def test_redirect_to_nowhere(target: str, tmp_path: Path) -> None:
    quirk = Quirk(LAYER, status=307, headers={"Location": target}, body=b"")
    with FakeRegistry(quirk) as registry:
        with pytest.raises(TransportError, match="redirected to"):
            fetch(registry.add("app", "v1", IMAGE), tmp_path)
        assert registry.count(LAYER) == 1


def test_redirect_with_an_endless_body(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.pages["/layer"] = IMAGE.layers[0]
        location = {"Location": "/layer"}
        registry.quirks.append(Quirk(LAYER, status=307, headers=location, body=b"x", endless=True))
        assert fetch(reference, tmp_path) == list(IMAGE.layers)


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with FakeRegistry() as registry:
        fetch(registry.add("app", "v1", IMAGE), tmp_path / "cache")
        assert {item.authorization for item in registry.requests} == {""}


def test_cookies_are_not_kept(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("/manifests/", headers={"Set-Cookie": "a=b; Path=/"})) as registry:
        fetch(registry.add("app", "v1", IMAGE), tmp_path)
        assert [item for item in registry.requests if "cookie" in item.headers] == []


def test_closed_transport_sends_nothing() -> None:
    with FakeRegistry() as registry:
        transport = Transport(IMPATIENT)
        transport.close()
        with pytest.raises(CancelledError):
            transport.request("GET", f"http://{registry.address}/")
        assert registry.requests == []
