"""Manifests, indexes and configs: what is read, and what is refused by name."""

from __future__ import annotations

import base64
import json

import pytest

from pull.errors import DigestMismatchError, DigestSyntaxError, ManifestError, SizeMismatchError
from pull.spec.manifest import Index, Manifest, parse_config, parse_document
from tests.pull.registry.images import DOCKER, OCI, descriptor, digest_of, make_image, make_index

CONFIG = descriptor(b"{}", OCI.config)
LAYER = descriptor(b"x", OCI.layer_gzip)
ARTIFACT = descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json")
EMPTY = descriptor(b"{}", "application/vnd.oci.empty.v1+json")


def manifest(**changes: object) -> dict[str, object]:
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": CONFIG,
        "layers": [LAYER],
        **changes,
    }
    return {key: value for key, value in fields.items() if value is not ...}


# name: (document, media type outside of it, the type that results)
GOOD: dict[str, tuple[object, str, type]] = {
    "OCI": (manifest(), OCI.manifest, Manifest),
    "OCI that nobody announced": (manifest(), "", Manifest),
    "OCI without a media type": (manifest(mediaType=...), OCI.manifest, Manifest),
    "nothing said at all": (manifest(mediaType=...), "", Manifest),
    "announced as JSON": (manifest(), "application/json", Manifest),
    "announced with parameters": (manifest(), f"{OCI.manifest}; charset=utf-8", Manifest),
    "Docker": (manifest(mediaType=DOCKER.manifest), DOCKER.manifest, Manifest),
    "no layers": (manifest(layers=[]), "", Manifest),
    "layers null": (manifest(layers=None), "", Manifest),
    "foreign layer": (
        manifest(
            layers=[
                LAYER
                | {
                    "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                    "urls": ["https://x/y"],
                }
            ]
        ),
        "",
        Manifest,
    ),
    "zstd layer": (
        manifest(layers=[LAYER | {"mediaType": OCI.layer_gzip.replace("gzip", "zstd")}]),
        "",
        Manifest,
    ),
    "subject and annotations": (manifest(subject=CONFIG, annotations={"a": "b"}), "", Manifest),
    "index": (json.loads(make_index([])), OCI.index, Index),
    "index without a media type": ({"schemaVersion": 2, "manifests": []}, "", Index),
    "list": (json.loads(make_index([], DOCKER)), DOCKER.index, Index),
}

# name: (document, media type outside of it, what the message says)
REFUSED: dict[str, tuple[object, str, str]] = {
    "not JSON": (b"<html>", "", "is not JSON"),
    "binary": (b"\xff\xfe", "", "is not JSON"),
    "deep": (b"[" * 100_000, "", "is not JSON"),
    "array": ([], "", "not a JSON object"),
    "nothing": ({}, "", "neither a manifest nor an index"),
    "schema 1": ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
    "schema 1 by media type": (
        {"schemaVersion": 1},
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "schema 1",
    ),
    "schema 3": (manifest(schemaVersion=3), "", "schemaVersion: 3"),
    "both": (manifest(manifests=[]), "", "ambiguous"),
    "index said to be a manifest": (
        {"schemaVersion": 2, "mediaType": OCI.manifest, "manifests": []},
        "",
        "is an index",
    ),
    "manifest said to be an index": (manifest(mediaType=OCI.index), "", "is a manifest"),
    "announced as another": (manifest(), OCI.index, "was announced as"),
    "announced as Docker's": (manifest(), DOCKER.manifest, "was announced as"),
    "unknown media type": (manifest(mediaType="text/html"), "", "not an image: text/html"),
    "helm chart": (manifest(config=ARTIFACT), "", "artifact, not an image: application/vnd.cncf"),
    "artifact without layers": (
        manifest(config=EMPTY, layers=[], artifactType="application/x.sbom"),
        "",
        "artifact, not an image: application/x.sbom",
    ),
    "layer that is a file": (
        manifest(layers=[LAYER | {"mediaType": "text/plain"}]),
        "",
        "not a filesystem: text/plain",
    ),
    "encrypted layer": (
        manifest(layers=[LAYER | {"mediaType": f"{OCI.layer_gzip}+encrypted"}]),
        "",
        "encrypted",
    ),
    "no config": (manifest(config=...), "", "'digest' should be a string"),
    "config of another type": (manifest(config=[]), "", "'config' should be an object"),
    "layers of another type": (manifest(layers={}), "", "'layers' should be an array"),
    "layer of another type": (manifest(layers=[1]), "", "'layers[0]' should be an object"),
    "size negative": (manifest(layers=[LAYER | {"size": -1}]), "", "'size' should be a size"),
    "size true": (manifest(layers=[LAYER | {"size": True}]), "", "'size' should be a size"),
    "size as text": (manifest(layers=[LAYER | {"size": "1"}]), "", "'size' should be a size"),
    "urls of another type": (manifest(layers=[LAYER | {"urls": [1]}]), "", "'urls[0]'"),
    "data that is not ASCII": (manifest(layers=[LAYER | {"data": "é"}]), "", "base64"),
    "data that is not base64": (manifest(layers=[LAYER | {"data": "?"}]), "", "base64"),
}


def encoded(document: object) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    document, media_type, kind = GOOD[name]
    assert isinstance(parse_document(encoded(document), "here", media_type), kind)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    document, media_type, says = REFUSED[name]
    with pytest.raises(ManifestError) as caught:
        parse_document(encoded(document), "r.example/app:v1", media_type)
    assert says in str(caught.value)
    assert "r.example/app:v1" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("digest", ["", "sha256:12", "md5:" + "0" * 32, "sha256:" + "G" * 64])
def test_descriptor_with_a_wrong_digest(digest: str) -> None:
    with pytest.raises(DigestSyntaxError):
        parse_document(encoded(manifest(layers=[LAYER | {"digest": digest}])), "here")


def test_fields_of_a_descriptor() -> None:
    entry = descriptor(
        b"data",
        OCI.manifest,
        data=base64.b64encode(b"data").decode(),
        urls=["https://x/y"],
        platform={"os": "linux", "architecture": "arm", "variant": "v6"},
    )
    parsed = parse_document(make_index([entry]), "here")
    assert isinstance(parsed, Index)
    (found,) = parsed.manifests
    assert (str(found.digest), found.size, found.urls) == (
        digest_of(b"data"),
        4,
        ("https://x/y",),
    )
    assert found.data == b"data"
    assert str(found.platform) == "linux/arm/v6"
    assert found.verify(b"data", "here") == b"data"
    with pytest.raises(SizeMismatchError):
        found.verify(b"dat", "here")
    with pytest.raises(DigestMismatchError):
        found.verify(b"atad", "here")


def test_config() -> None:
    image = make_image([b"a", b"b"], architecture="arm", variant="v6")
    config = parse_config(image.config, "here")
    assert str(config.platform) == "linux/arm/v6"
    assert config.states_variant
    assert [str(diff_id) for diff_id in config.diff_ids] == [digest_of(b"a"), digest_of(b"b")]
    assert config.created == "2024-05-06T07:08:09.123456789Z"


def test_config_that_says_little() -> None:
    config = parse_config(b"{}", "here")
    assert (config.platform, config.created, config.diff_ids) == (None, None, ())
    with pytest.raises(ManifestError, match="'layers'"):
        parse_config(b'{"rootfs": {"type": "windows"}}', "here")
