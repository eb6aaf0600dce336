"""Servers that answer 200 with something else: login pages, empty bodies, errors as JSON.

None of that is ever taken for what a tag means: not in the cache, and not if another server has the
real thing.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pull import Mirror, pull
from pull.cache import Cache
from pull.errors import ManifestError, OfflineError, PullError
from pull.spec.digest import Digest
from pull.spec.reference import Reference, parse_reference
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import OCI, descriptor, digest_of, make_image, make_index
from tests.pull.registry.pulling import IMPATIENT, assert_sound, contents, fetch, nobody

IMAGE = make_image([random.Random(9).randbytes(5000)], compress="plain")
LAYER = "GET .*/blobs/" + digest_of(IMAGE.layers[0])
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
MANIFEST = "/manifests/v1"

PAGES = {
    "HTML": HTML,
    "much HTML": HTML * 10_000,
    "nothing": b"",
    "spaces": b"  \n",
    "an error": b'{"errors": [{"code": "DENIED", "message": "no"}]}',
    "an empty object": b"{}",
    "an array": b"[]",
    "a word": b"null",
    "a manifest that is cut off": IMAGE.manifest[:-20],
    "a manifest without digests": b'{"schemaVersion": 2, "config": {}, "layers": []}',
    "a digest that is none": IMAGE.manifest.replace(b"sha256:", b"sha256:x"),
    "a negative size": IMAGE.manifest.replace(b'"size": ', b'"size": -'),
    "an index that is none": b'{"schemaVersion": 2, "manifests": {}}',
    "schema 1": b'{"schemaVersion": 1, "fsLayers": []}',
    "an artifact": make_image([], config=descriptor(b"{}", "application/x.y")).manifest,
    "no text": b"\xff\xfe\x00",
    "a deep one": b"[" * 100_000,
}
TYPES = ["text/html; charset=utf-8", OCI.manifest, "application/json"]


def page(data: bytes, media_type: str = TYPES[0], where: str = MANIFEST) -> Quirk:
    headers = {"Content-Type": media_type}
    return Quirk(where, status=200, body=data, headers=headers, drop=("Docker-Content-Digest",))


def named(reference: str) -> Reference:
    parsed = parse_reference(reference)
    assert isinstance(parsed, Reference)
    return parsed


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("media_type", TYPES)
def test_tag_keeps_what_it_stood_for(name: str, media_type: str, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        before = contents(tmp_path)
        registry.quirks.append(page(PAGES[name], media_type))
        with pytest.raises(PullError) as caught:
            fetch(reference, tmp_path)
        assert "\n" not in str(caught.value)
        assert contents(tmp_path) == before
        assert fetch(reference, tmp_path, offline=True) == list(IMAGE.layers)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_kept_of_a_first_answer(name: str, tmp_path: Path) -> None:
    with FakeRegistry(page(PAGES[name])) as registry:
        reference = registry.add("app", "v1", IMAGE)
        with pytest.raises(PullError):
            fetch(reference, tmp_path)
        assert contents(tmp_path) == {}
        assert list(tmp_path.glob("references/**/_tags/*")) == []
        with pytest.raises(OfflineError):
            fetch(reference, tmp_path, offline=True)
        registry.quirks.clear()
        assert fetch(reference, tmp_path) == list(IMAGE.layers)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("where", ["/manifests/", ""], ids=["manifests", "everything"])
def test_mirror_is_fallen_back_from(name: str, by: str, where: str, tmp_path: Path) -> None:
    quirk = page(PAGES[name], where=where)
    with FakeRegistry() as registry, FakeRegistry(quirk) as mirror:
        reference = registry.add("app", "v1", IMAGE)
        mirror.add("app", "v1", IMAGE)
        if by == "digest":
            reference = f"{registry.address}/app@{IMAGE.digest}"
        for _ in range(2):
            assert fetch_by(mirror, registry, reference, tmp_path) == list(IMAGE.layers)
        assert fetch(reference, tmp_path, offline=True) == list(IMAGE.layers)
        assert mirror.count("GET .*/manifests/") > 0
        assert set(contents(tmp_path)) == {IMAGE.digest, *IMAGE.blobs}
        assert_sound(tmp_path)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("length", ["stated", "chunked", "not stated"])
def test_mirror_is_fallen_back_from_for_blobs(name: str, length: str, tmp_path: Path) -> None:
    quirk = page(PAGES[name], where="GET .*/blobs/")
    quirk.chunk_bytes = 1000 if length == "chunked" else None
    quirk.ends = length == "not stated"
    with FakeRegistry() as registry, FakeRegistry(quirk) as mirror:
        reference = registry.add("app", "v1", IMAGE)
        mirror.add("app", "v1", IMAGE)
        assert fetch_by(mirror, registry, reference, tmp_path) == list(IMAGE.layers)
        assert registry.count("GET .*/manifests/") == 0
        assert_sound(tmp_path)


def test_mirror_with_an_index_of_nothing_but_pages(tmp_path: Path) -> None:
    entry = descriptor(
        IMAGE.manifest, OCI.manifest, platform={"os": "linux", "architecture": "amd64"}
    )
    quirk = page(HTML, where="/manifests/sha256:")
    with FakeRegistry() as registry, FakeRegistry(quirk) as mirror:
        for server in (mirror, registry):
            server.add("app", "part", IMAGE)
            server.add_manifest("app", "v1", make_index([entry]), OCI.index)
        reference = f"{registry.address}/app:v1"
        assert fetch_by(mirror, registry, reference, tmp_path) == list(IMAGE.layers)
        assert registry.count("/manifests/v1") == 0


@pytest.mark.parametrize("name", PAGES)
def test_cache_that_is_spoiled_heals(name: str, tmp_path: Path) -> None:
    # as earlier versions left it
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        junk = Digest.of(PAGES[name])
        cache = Cache(tmp_path)
        cache.store(junk, PAGES[name])
        cache.remember(named(reference), junk)
        with pytest.raises(OfflineError, match="pull it without --offline"):
            fetch(reference, tmp_path, offline=True)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert fetch(reference, tmp_path, offline=True) == list(IMAGE.layers)
        assert cache.tagged(named(reference)) == Digest.parse(IMAGE.digest)


@pytest.mark.parametrize("what", ["config", "layer"])
def test_head_that_names_another_blob_is_not_believed(what: str, tmp_path: Path) -> None:
    data = IMAGE.config if what == "config" else IMAGE.layers[0]
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        fetch(reference, tmp_path)
        lie = {"Docker-Content-Digest": digest_of(data)}
        registry.quirks.append(Quirk("HEAD", headers=lie))
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert fetch(reference, tmp_path, offline=True) == list(IMAGE.layers)


def test_tag_of_an_artifact_is_not_noted(tmp_path: Path) -> None:
    artifact = make_image([], config=descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json"))
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", artifact)
        for _ in range(2):
            with pytest.raises(ManifestError, match="is an artifact"):
                fetch(reference, tmp_path)
        assert contents(tmp_path) == {}


REFUSALS = {
    **{str(status): Quirk("HEAD", status=status) for status in (400, 401, 403, 404, 405, 406)},
    **{str(status): Quirk("HEAD", status=status) for status in (410, 429, 451, 500, 501, 503)},
    "an hour to wait": Quirk("HEAD", status=429, headers={"Retry-After": "3600"}),
    "a second to wait": Quirk("HEAD", status=503, headers={"Retry-After": "1"}),
    "a page": page(HTML, where="HEAD"),
    "no digest": Quirk("HEAD", headers={"Docker-Content-Digest": "sha256:zero"}),
    "a reset": Quirk("HEAD", before=b"\0"),
    "nowhere": Quirk("HEAD", status=302, headers={"Location": "ftp://x/"}),
    "for ever": Quirk("HEAD", status=302, headers={"Location": "?again"}),
    "a realm that is away": Quirk(
        "HEAD", status=401, headers={"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/t"'}
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_head_that_is_refused_means_get(name: str, tmp_path: Path) -> None:
    moved = make_image([b"moved"])
    with FakeRegistry(REFUSALS[name]) as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert registry.count("HEAD") == 0  # nothing to compare with
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert registry.count("HEAD .*/manifests/v1$") == 1
        assert registry.count("GET .*/manifests/v1$") == 2
        registry.add("app", "v1", moved)
        assert fetch(reference, tmp_path) == list(moved.layers)


def test_url_that_is_signed_for_get_only(tmp_path: Path) -> None:
    with FakeRegistry() as storage, FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        storage.pages["/m"] = IMAGE.manifest
        storage.quirks.append(Quirk("HEAD", status=403))
        location = {"Location": f"http://{storage.address}/m?X-Amz-Signature=for-GET"}
        registry.quirks.append(Quirk(MANIFEST, status=307, headers=location, body=b""))
        for _ in range(2):
            assert fetch(reference, tmp_path) == list(IMAGE.layers)


def test_mirror_that_refuses_head_is_asked_by_get(tmp_path: Path) -> None:
    # the registry may be out of reach altogether
    with FakeRegistry() as gone:
        pass
    with FakeRegistry(Quirk("HEAD", status=403)) as mirror:
        mirror.add("app", "v1", IMAGE)
        reference = f"{gone.address}/app:v1"
        for _ in range(2):
            assert fetch_by(mirror, gone, reference, tmp_path) == list(IMAGE.layers)


def fetch_by(
    mirror: FakeRegistry, registry: FakeRegistry, reference: str, cache_dir: Path
) -> list[bytes]:
    with pull(
        reference,
        cache_dir=cache_dir,
        platform="linux/amd64",
        transport=IMPATIENT,
        credentials=nobody,
        mirrors=[Mirror(registry.address, f"http://{mirror.address}")],
    ) as image:
        image.fetch()
        read = []
        for layer in image.layers:
            with layer.open() as stream:
                read.append(stream.read())
        return read
