"""Debian's docker-registry, really running: plain, with htpasswd, behind TLS, with real tokens."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pull import Credentials, TransportOptions, pull
from pull.cache import Cache
from pull.errors import AccessDeniedError, CredentialsError, NotFoundError, TransportError
from pull.spec.digest import Digest
from tests.pull.registry.certificates import Authority, make_authority
from tests.pull.registry.images import Image, make_image, make_tar, write_layout
from tests.pull.registry.pulling import contents, fetch
from tests.pull.registry.token_server import ISSUER, SERVICE, TokenServer, running_token_server
from tests.registry_server import Registry, push, running_registry

pytestmark = pytest.mark.oracle

TARS = [
    make_tar({"a": random.Random(2).randbytes(300_000)}),
    make_tar({"b": b"b" * 100_000, "c": b""}),
]
GZIP = make_image(TARS)
ZSTD = make_image(TARS, compress="zstd")
FORMATS = {
    "oci-gzip": ("gzip", "oci"),
    "oci-zstd": ("zstd", "oci"),
    "docker-gzip": ("gzip", "v2s2"),
}
ANN = Credentials(username="ann", password="s3cret")
# bcrypt of s3cret; docker-registry takes nothing else
HTPASSWD = "ann:$2b$05$TISg0rAJ4Qc3yTwsocglMOUDCCUB/YF3QSNiaen7/TLUNCmRPnPty\n"
OPTIONS = TransportOptions(backoff_seconds=0.01, connect_timeout_seconds=5.0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Push the images in every format, once; any registry can then serve the directory."""
    directory = tmp_path_factory.mktemp("registry")
    write_layout(directory / "layout", {"gzip": GZIP, "zstd": ZSTD})
    with running_registry(directory) as registry:
        for tag, (name, form) in FORMATS.items():
            source = f"oci:{directory}/layout:{name}"
            for repository in ("private/image", "public/image"):
                push(registry, source, f"{repository}:{tag}", "--format", form)
    return directory


@pytest.fixture(scope="module")
def plain(filled: Path) -> Iterator[Registry]:
    with running_registry(filled) as registry:
        yield registry


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def image_of(tag: str) -> Image:
    return ZSTD if "zstd" in tag else GZIP


@pytest.mark.parametrize("tag", FORMATS)
def test_formats(tag: str, plain: Registry, tmp_path: Path) -> None:
    image = image_of(tag)
    reference = f"{plain.address}/public/image:{tag}"
    with pull(reference, cache_dir=tmp_path, platform="linux/amd64", transport=OPTIONS) as pulled:
        assert [layer.digest.split(":")[1] for layer in pulled.layers] == [
            Digest.of(blob).hex for blob in image.layers
        ]
        assert [layer.diff_id for layer in pulled.layers] == [str(Digest.of(tar)) for tar in TARS]
        assert pulled.platform.architecture == "amd64"
        for layer, tar in zip(pulled.layers, TARS, strict=True):
            with layer.open_uncompressed() as stream:
                assert stream.read() == tar
    expected = "docker" if "docker" in tag else "oci"
    assert any(f"vnd.{expected}".encode() in blob for blob in contents(tmp_path).values())


def test_second_pull_asks_for_the_tag_alone(plain: Registry, tmp_path: Path) -> None:
    reference = f"{plain.address}/public/image:oci-gzip"
    fetch(reference, tmp_path, transport=OPTIONS)
    before = plain.requests()
    fetch(reference, tmp_path, transport=OPTIONS)
    assert plain.requests()[len(before) :] == ["HEAD /v2/public/image/manifests/oci-gzip 200"]


def test_pulled_digest_works_with_the_registry_gone(filled: Path, tmp_path: Path) -> None:
    with running_registry(filled) as registry:
        reference = f"{registry.address}/public/image:oci-gzip"
        with pull(reference, cache_dir=tmp_path, platform="linux/amd64") as image:
            image.fetch()
    by_digest = f"{registry.address}/public/image@{image.digest}"
    assert fetch(by_digest, tmp_path) == list(GZIP.layers)
    assert fetch(reference, tmp_path, offline=True) == list(GZIP.layers)
    with pytest.raises(TransportError):
        fetch(reference, tmp_path, transport=OPTIONS)


def test_resumes_what_an_earlier_run_left(plain: Registry, tmp_path: Path) -> None:
    layer = GZIP.layers[0]
    digest = Digest.of(layer)
    with Cache(tmp_path).claim(digest, lambda: False) as partial:
        assert partial is not None
        partial.write(layer[:200_000], 0)
    fetch(f"{plain.address}/public/image:oci-gzip", tmp_path, transport=OPTIONS)
    assert f"GET /v2/public/image/blobs/{digest} 206" in plain.requests()
    assert contents(tmp_path)[str(digest)] == layer


def test_missing_tag(plain: Registry, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="MANIFEST_UNKNOWN"):
        fetch(f"{plain.address}/public/image:none", tmp_path, transport=OPTIONS)


@pytest.fixture
def with_passwords(filled: Path, tmp_path: Path) -> Iterator[Registry]:
    users = tmp_path / "htpasswd"
    users.write_text(HTPASSWD)
    settings = {"REGISTRY_AUTH_HTPASSWD_REALM": "tests", "REGISTRY_AUTH_HTPASSWD_PATH": str(users)}
    with running_registry(filled, settings) as registry:
        yield registry


def test_htpasswd(
    with_passwords: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = f"{with_passwords.address}/private/image:oci-gzip"
    for wrong in (None, Credentials(username="ann", password="no")):
        with pytest.raises(AccessDeniedError, match="401"):
            fetch(reference, tmp_path / "cache", transport=OPTIONS, credentials=wrong)
    fetch(reference, tmp_path / "cache", transport=OPTIONS, credentials=ANN)
    # and as docker login leaves it
    packed = base64.b64encode(b"ann:s3cret").decode()
    config = {"auths": {with_passwords.address: {"auth": packed}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pull(reference, cache_dir=tmp_path / "other", platform="linux/amd64") as image:
        image.fetch()


def test_tls_with_a_private_authority(
    filled: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = authority.sign("server")
    settings = {
        "REGISTRY_HTTP_TLS_CERTIFICATE": str(pair.certificate),
        "REGISTRY_HTTP_TLS_KEY": str(pair.key),
    }
    monkeypatch.setenv("HOME", str(tmp_path))
    with running_registry(filled, settings) as registry:
        reference = f"{registry.address}/public/image:oci-gzip"
        with pytest.raises(TransportError, match="--cacert") as caught:
            fetch(reference, tmp_path / "1", transport=OPTIONS)
        assert "certificate" in str(caught.value)
        trusting = replace(OPTIONS, cacert=authority.pair.certificate)
        assert fetch(reference, tmp_path / "2", transport=trusting) == list(GZIP.layers)
        careless = replace(OPTIONS, insecure=True)
        assert fetch(reference, tmp_path / "3", transport=careless) == list(GZIP.layers)
        certs = tmp_path / ".config/containers/certs.d" / registry.address
        certs.mkdir(parents=True)
        (certs / "ca.crt").write_bytes(authority.pair.certificate.read_bytes())
        assert fetch(reference, tmp_path / "4", transport=OPTIONS) == list(GZIP.layers)
        with pytest.raises(CredentialsError, match="missing"):
            fetch(
                reference, tmp_path / "5", transport=replace(OPTIONS, cacert=tmp_path / "missing")
            )


def test_client_certificates(
    filled: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, client = authority.sign("server"), authority.sign("client", usage="clientAuth")
    settings = {
        "REGISTRY_HTTP_TLS_CERTIFICATE": str(pair.certificate),
        "REGISTRY_HTTP_TLS_KEY": str(pair.key),
        "REGISTRY_HTTP_TLS_CLIENTCAS": f"[{authority.pair.certificate}]",
    }
    monkeypatch.setenv("HOME", str(tmp_path))
    with running_registry(filled, settings) as registry:
        reference = f"{registry.address}/public/image:oci-gzip"
        trusting = replace(OPTIONS, cacert=authority.pair.certificate)
        with pytest.raises(TransportError):
            fetch(reference, tmp_path / "1", transport=trusting)
        certs = tmp_path / ".config/containers/certs.d" / registry.address
        certs.mkdir(parents=True)
        (certs / "client.cert").write_bytes(client.certificate.read_bytes())
        with pytest.raises(CredentialsError, match="key is missing"):
            fetch(reference, tmp_path / "2", transport=trusting)
        (certs / "client.key").write_bytes(client.key.read_bytes())
        assert fetch(reference, tmp_path / "3", transport=trusting) == list(GZIP.layers)


@pytest.fixture
def tokens(authority: Authority) -> Iterator[TokenServer]:
    server = TokenServer(
        pair=authority.sign("tokens"), username="ann", password="s3cret", refresh_token="again"
    )
    with running_token_server(server):
        yield server


@pytest.fixture
def with_tokens(filled: Path, tokens: TokenServer, authority: Authority) -> Iterator[Registry]:
    settings = {
        "REGISTRY_AUTH_TOKEN_REALM": tokens.realm,
        "REGISTRY_AUTH_TOKEN_SERVICE": SERVICE,
        "REGISTRY_AUTH_TOKEN_ISSUER": ISSUER,
        "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE": str(authority.pair.certificate),
    }
    with running_registry(filled, settings) as registry:
        yield registry


def test_token_for_anybody(with_tokens: Registry, tokens: TokenServer, tmp_path: Path) -> None:
    fetch(f"{with_tokens.address}/public/image:oci-gzip", tmp_path, transport=OPTIONS)
    assert tokens.given == ["GET"]
    with pytest.raises(AccessDeniedError, match="log in"):
        fetch(f"{with_tokens.address}/private/image:oci-gzip", tmp_path, transport=OPTIONS)


def test_token_for_a_user(with_tokens: Registry, tokens: TokenServer, tmp_path: Path) -> None:
    reference = f"{with_tokens.address}/private/image:oci-gzip"
    fetch(reference, tmp_path, transport=OPTIONS, credentials=ANN)
    assert tokens.given == ["GET"]
    with pytest.raises(AccessDeniedError, match="does not accept"):
        fetch(
            reference,
            tmp_path,
            transport=OPTIONS,
            credentials=Credentials(username="ann", password="no"),
        )


def test_token_for_an_identity_token(
    with_tokens: Registry, tokens: TokenServer, tmp_path: Path
) -> None:
    identity = Credentials(identity_token="again")
    reference = f"{with_tokens.address}/private/image:oci-gzip"
    fetch(reference, tmp_path, transport=OPTIONS, credentials=identity)
    assert tokens.given == ["POST"]
