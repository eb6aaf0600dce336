"""Index entries besides the image: artifacts, features that we lack, wrong sizes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pull.errors import ManifestError, NoPlatformError, PullError
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import DOCKER, OCI, Image, descriptor, make_image, make_index
from tests.pull.registry.pulling import contents, fetch

IMAGE = make_image([b"the image"])
OTHER = make_image([b"another"])
LINUX = {"os": "linux", "architecture": "amd64"}
ARM = {"os": "linux", "architecture": "arm64"}
EMPTY = descriptor(b"{}", "application/vnd.oci.empty.v1+json")
SBOM = "application/spdx+json"

ARTIFACTS: dict[str, Image] = {
    "an empty config": make_image([], config=EMPTY, artifactType=SBOM),
    "a config of its own": make_image([], config=descriptor(b"{}", "application/vnd.x.config")),
    "an attestation": make_image([], layers=[descriptor(b"{}", "application/vnd.in-toto+json")]),
    "a nydus image": make_image(
        [], layers=[descriptor(b"x", "application/vnd.oci.image.layer.nydus.blob.v1")]
    ),
    "an encrypted image": make_image([], layers=[descriptor(b"x", f"{OCI.layer_gzip}+encrypted")]),
    "schema 1": make_image([], mediaType="", schemaVersion=1),
}


def entry(image: Image, **extra: object) -> dict[str, object]:
    return descriptor(image.manifest, image.media_type, **extra)


def serve(registry: FakeRegistry, entries: list[dict[str, object]], *images: Image) -> str:
    for image in (IMAGE, OTHER, *ARTIFACTS.values(), *images):
        registry.add("app", "part", image)
        for blob in (b"{}", b"x"):
            registry.blobs[str(descriptor(blob, "")["digest"])] = blob
    registry.add_manifest("app", "v1", make_index(entries), OCI.index)
    return f"{registry.address}/app:v1"


@pytest.mark.parametrize("name", ARTIFACTS)
@pytest.mark.parametrize("artifact_label", [None, LINUX], ids=["", "labelled"])
@pytest.mark.parametrize("image_label", [None, LINUX], ids=["", "labelled image"])
def test_artifact_before_the_image(
    name: str,
    artifact_label: dict[str, str] | None,
    image_label: dict[str, str] | None,
    tmp_path: Path,
) -> None:
    first = entry(ARTIFACTS[name]) | ({"platform": artifact_label} if artifact_label else {})
    second = entry(IMAGE) | ({"platform": image_label} if image_label else {})
    with FakeRegistry() as registry:
        for order in ([first, second], [second, first]):
            assert fetch(serve(registry, order), tmp_path) == list(IMAGE.layers)
        # and in an index in the index
        inner = make_index([first, second])
        registry.add_manifest("app", "inner", inner, OCI.index)
        nested = [first, descriptor(inner, OCI.index)]
        assert fetch(serve(registry, nested), tmp_path / "2") == list(IMAGE.layers)


@pytest.mark.parametrize("name", ARTIFACTS)
@pytest.mark.parametrize("label", [None, LINUX], ids=["", "labelled"])
def test_artifact_alone_is_named(name: str, label: dict[str, str] | None, tmp_path: Path) -> None:
    only = entry(ARTIFACTS[name]) | ({"platform": label} if label else {})
    with FakeRegistry() as registry, pytest.raises(ManifestError) as caught:
        fetch(serve(registry, [only]), tmp_path)
    assert not isinstance(caught.value, NoPlatformError)
    assert str(descriptor(ARTIFACTS[name].manifest, "")["digest"]) in str(caught.value)


def test_artifact_beside_another_platform(tmp_path: Path) -> None:
    entries = [entry(ARTIFACTS["an empty config"]), entry(OTHER, platform=ARM)]
    with (
        FakeRegistry() as registry,
        pytest.raises(NoPlatformError, match=r"--platform: linux/arm64$"),
    ):
        fetch(serve(registry, entries), tmp_path)


def test_artifact_by_its_type_is_asked_for_last(tmp_path: Path) -> None:
    # it need not even be there
    missing = descriptor(b"nowhere", OCI.manifest, artifactType=SBOM)
    with FakeRegistry() as registry:
        assert fetch(serve(registry, [missing, entry(IMAGE)]), tmp_path) == list(IMAGE.layers)
        labelled = entry(IMAGE, platform=LINUX, artifactType=OCI.config)
        entries = [missing | {"platform": LINUX}, labelled]
        assert fetch(serve(registry, entries), tmp_path) == list(IMAGE.layers)
        assert registry.count(str(missing["digest"])) == 0


@pytest.mark.parametrize("label", [None, LINUX], ids=["", "labelled"])
def test_entry_of_an_unknown_type_is_ignored(label: dict[str, str] | None, tmp_path: Path) -> None:
    # image-index.md: "An encountered mediaType that is unknown [...] MUST be ignored"
    unknown = descriptor(b"nowhere", "application/vnd.oci.artifact.manifest.v1+json")
    unknown |= {"platform": label} if label else {}
    with FakeRegistry() as registry:
        assert fetch(serve(registry, [unknown, entry(IMAGE)]), tmp_path) == list(IMAGE.layers)
        assert registry.count(str(unknown["digest"])) == 0


FEATURES = [["erofs"], ["nydus.remoteimage.v1"], ["erofs", "other"], ["win32k"]]


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_features_that_are_not_here(features: list[str], tmp_path: Path) -> None:
    # image-index.md: each of os.features is "a mandatory OS feature"
    special = entry(OTHER, platform={**LINUX, "os.features": features})
    plain = entry(IMAGE, platform={**LINUX, "os.features": []})
    with FakeRegistry() as registry:
        for order in ([special, plain], [plain, special]):
            assert fetch(serve(registry, order), tmp_path) == list(IMAGE.layers)
        assert fetch(serve(registry, [special, entry(IMAGE)]), tmp_path) == list(IMAGE.layers)
        with pytest.raises(NoPlatformError) as caught:
            fetch(serve(registry, [special, entry(OTHER, platform=ARM)]), tmp_path)
    assert f"linux/amd64 ({', '.join(features)})" in str(caught.value)
    assert str(caught.value).endswith("--platform: linux/arm64")


def test_only_features_that_are_not_here(tmp_path: Path) -> None:
    special = entry(OTHER, platform={**LINUX, "os.features": ["erofs"]})
    with FakeRegistry() as registry, pytest.raises(NoPlatformError) as caught:
        fetch(serve(registry, [special]), tmp_path)
    assert str(caught.value).endswith("left out because of os.features: linux/amd64 (erofs)")


def test_feature_of_windows_that_the_specification_knows(tmp_path: Path) -> None:
    platform = {"os": "windows", "architecture": "amd64", "os.features": ["win32k"]}
    with FakeRegistry() as registry:
        reference = serve(registry, [entry(IMAGE, platform=platform)])
        assert fetch(reference, tmp_path, platform="windows/amd64") == list(IMAGE.layers)


@pytest.mark.parametrize("features", ["erofs", [5], {"a": "b"}])
def test_features_of_the_wrong_type(features: object, tmp_path: Path) -> None:
    wrong = entry(IMAGE, platform={**LINUX, "os.features": features})
    with FakeRegistry() as registry, pytest.raises(ManifestError, match=r"os\.features"):
        fetch(serve(registry, [wrong]), tmp_path)


@pytest.mark.parametrize("size", [0, 1, len(IMAGE.manifest) - 1, len(IMAGE.manifest) + 1, 1 << 62])
@pytest.mark.parametrize("label", [None, LINUX], ids=["", "labelled"])
def test_size_that_an_index_gives_is_checked(
    size: int, label: dict[str, str] | None, tmp_path: Path
) -> None:
    wrong = entry(IMAGE) | {"size": size} | ({"platform": label} if label else {})
    with FakeRegistry() as registry:
        with pytest.raises(PullError, match=f"size does not match: expected {size} bytes"):
            fetch(serve(registry, [wrong]), tmp_path)
        # also of one that is in the cache, and of one that the index brings along
        fetch(registry.add("app", "v2", IMAGE), tmp_path)
        with pytest.raises(PullError, match=f"size does not match: expected {size} bytes"):
            fetch(serve(registry, [wrong]), tmp_path)
        wrong["data"] = base64.b64encode(IMAGE.manifest).decode()
        with pytest.raises(PullError, match=f"size does not match: expected {size} bytes"):
            fetch(serve(registry, [wrong]), tmp_path / "2")


@pytest.mark.parametrize("size", [-1, -len(IMAGE.manifest), 1.5, "5", None, True])
def test_size_that_is_none_is_refused(size: object, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        for entries in ([entry(IMAGE) | {"size": size}], [entry(IMAGE), entry(OTHER, size=size)]):
            with pytest.raises(ManifestError, match="'size' should be a size in bytes"):
                fetch(serve(registry, entries), tmp_path)
        assert contents(tmp_path) == {}


OLD_CONFIGS = ["application/octet-stream", "text/html", "application/json"]


@pytest.mark.parametrize("media_type", [*OLD_CONFIGS, "text/html; charset=utf-8", ""])
def test_config_types_of_old_registries(media_type: str, tmp_path: Path) -> None:
    # moby's distribution/registry.go, imageTypes; python:3.5.1-alpine on Docker Hub is one
    image = make_image([b"old"], types=DOCKER)
    config = descriptor(image.config, media_type)
    old = make_image([b"old"], types=DOCKER, config=config)
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", old)
        registry.blobs |= image.blobs
        assert fetch(reference, tmp_path) == list(image.layers)
        assert fetch(reference, tmp_path, offline=True) == list(image.layers)
        listed = serve(registry, [entry(old, platform=LINUX)], old)
        assert fetch(listed, tmp_path) == list(image.layers)


@pytest.mark.parametrize("media_type", ["application/vnd.x", "text/plain", "application/x-tar"])
def test_config_types_that_no_registry_made(media_type: str, tmp_path: Path) -> None:
    image = make_image([b"old"], types=DOCKER, config=descriptor(b"{}", media_type))
    with FakeRegistry() as registry, pytest.raises(ManifestError, match=f"image: {media_type}"):
        fetch(registry.add("app", "v1", image), tmp_path)


@pytest.mark.parametrize("media_type", OLD_CONFIGS)
def test_config_types_of_old_registries_in_an_oci_manifest(media_type: str, tmp_path: Path) -> None:
    # no registry of that time had these; to skopeo they are artifacts too
    image = make_image([b"old"], config=descriptor(b"{}", media_type))
    with FakeRegistry() as registry, pytest.raises(ManifestError, match="is an artifact"):
        fetch(registry.add("app", "v1", image), tmp_path)
