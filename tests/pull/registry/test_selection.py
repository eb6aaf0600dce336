"""Which image of an index is pulled, as a table; and what is not an image."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pull import pull
from pull.errors import ManifestError, NoPlatformError, PullError
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import DOCKER, OCI, Image, descriptor, make_image, make_index
from tests.pull.registry.pulling import IMPATIENT, fetch, nobody


def image_for(platform: str, **config: str) -> Image:
    os, architecture, *variant = platform.split("/")
    return make_image(
        [platform.encode()],
        os=os,
        architecture=config.get("architecture", architecture),
        variant=config.get("variant", "".join(variant)),
    )


def entry_for(platform: str, image: Image) -> dict[str, object]:
    os, architecture, *variant = platform.split("/")
    labels = {"os": os, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
    return descriptor(image.manifest, image.media_type, platform=labels)


def serve(registry: FakeRegistry, *platforms: str) -> str:
    """Serve an index of images, whose only layer holds the platform's name."""
    entries = []
    for platform in platforms:
        image = image_for(platform)
        registry.add("app", "part", image)
        entries.append(entry_for(platform, image))
    registry.add_manifest("app", "v1", make_index(entries), OCI.index)
    return f"{registry.address}/app:v1"


# (platforms in the index, wanted): the one that is pulled, None where there is none
CHOICES: dict[tuple[tuple[str, ...], str], str | None] = {
    (("linux/amd64", "linux/arm64"), "linux/amd64"): "linux/amd64",
    (("linux/amd64", "linux/arm64"), "linux/arm64"): "linux/arm64",
    (("linux/amd64", "linux/arm64"), "arm64/v8"): None,
    (("linux/amd64", "linux/arm64/v8"), "linux/arm64"): "linux/arm64/v8",
    (("linux/amd64", "linux/arm64"), "linux/arm64/v8"): "linux/arm64",
    (("linux/arm/v5", "linux/arm/v7"), "linux/arm"): "linux/arm/v7",
    (("linux/arm/v5", "linux/arm/v7"), "linux/arm/v6"): "linux/arm/v5",
    (("linux/arm/v7", "linux/arm/v6", "linux/arm/v5"), "linux/arm/v6"): "linux/arm/v6",
    (("linux/arm/v7",), "linux/arm/v6"): None,
    (("linux/arm/v7",), "linux/arm64"): "linux/arm/v7",
    (("linux/amd64", "linux/amd64/v2", "linux/amd64/v3"), "linux/amd64"): "linux/amd64",
    (("linux/amd64", "linux/amd64/v2", "linux/amd64/v3"), "linux/amd64/v2"): "linux/amd64/v2",
    (("linux/amd64", "linux/amd64/v2"), "linux/amd64/v4"): "linux/amd64/v2",
    (("linux/amd64/v3",), "linux/amd64"): None,
    (("windows/amd64", "linux/amd64"), "linux/amd64"): "linux/amd64",
    (("windows/amd64",), "linux/amd64"): None,
    (("unknown/unknown", "linux/amd64"), "linux/amd64"): "linux/amd64",
    ((), "linux/amd64"): None,
}


@pytest.mark.parametrize(("platforms", "wanted"), CHOICES, ids=str)
def test_choice(platforms: tuple[str, ...], wanted: str, tmp_path: Path) -> None:
    chosen = CHOICES[platforms, wanted]
    with FakeRegistry() as registry:
        reference = serve(registry, *platforms)
        if chosen is not None:
            assert fetch(reference, tmp_path, platform=wanted) == list(image_for(chosen).layers)
            # and without the network
            assert fetch(reference, tmp_path, platform=wanted, offline=True)
            return
        with pytest.raises(PullError) as caught:
            fetch(reference, tmp_path, platform=wanted)
        if isinstance(caught.value, NoPlatformError):
            assert all(name in str(caught.value) for name in platforms)
            assert "--platform" in str(caught.value)


def test_nested_index(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        serve(registry, "linux/s390x", "linux/amd64")
        inner, _ = registry.manifests["/v2/app/manifests/v1"]
        outer = make_index([descriptor(inner, OCI.index)])
        registry.add_manifest("app", "outer", outer, OCI.index)
        reference = f"{registry.address}/app:outer"
        assert fetch(reference, tmp_path) == list(image_for("linux/amd64").layers)
        with pytest.raises(NoPlatformError, match="linux/s390x, linux/amd64"):
            fetch(reference, tmp_path, platform="linux/ppc64le")


def test_index_in_itself_is_given_up(tmp_path: Path) -> None:
    # not really in itself, which no digest allows, but as deep as a stranger likes
    with FakeRegistry() as registry:
        inner = make_index([])
        for _ in range(10):
            registry.add_manifest("app", "deep", inner, OCI.index)
            inner = make_index([descriptor(inner, OCI.index)])
        registry.add_manifest("app", "deep", inner, OCI.index)
        with pytest.raises(ManifestError, match="nested deeper"):
            fetch(f"{registry.address}/app:deep", tmp_path)


def test_entry_without_a_platform_tells_by_its_config(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        images = [image_for("linux/s390x"), image_for("linux/amd64")]
        for image in images:
            registry.add("app", "part", image)
        index = make_index([descriptor(image.manifest, OCI.manifest) for image in images])
        registry.add_manifest("app", "v1", index, OCI.index)
        assert fetch(f"{registry.address}/app:v1", tmp_path) == list(images[1].layers)


def test_dockers_list(tmp_path: Path) -> None:
    image = make_image([b"x"], types=DOCKER)
    with FakeRegistry() as registry:
        registry.add("app", "part", image)
        listed = make_index([entry_for("linux/amd64", image)], DOCKER)
        registry.add_manifest("app", "v1", listed, DOCKER.index)
        assert fetch(f"{registry.address}/app:v1", tmp_path) == list(image.layers)


def test_manifest_embedded_in_its_index(tmp_path: Path) -> None:
    image = image_for("linux/amd64")
    entry = entry_for("linux/amd64", image) | {"data": base64.b64encode(image.manifest).decode()}
    with FakeRegistry() as registry:
        registry.add("app", "part", image)
        registry.add_manifest("app", "v1", make_index([entry]), OCI.index)
        before = registry.count("GET .*/manifests/sha256")
        assert fetch(f"{registry.address}/app:v1", tmp_path) == list(image.layers)
        assert registry.count("GET .*/manifests/sha256") == before
        wrong = entry | {"data": base64.b64encode(b"x" * len(image.manifest)).decode()}
        registry.add_manifest("app", "v2", make_index([wrong]), OCI.index)
        with pytest.raises(PullError, match="digest does not match"):
            fetch(f"{registry.address}/app:v2", tmp_path / "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """An image that is alone under its tag."""

    make: Callable[[], Image]
    wanted: str
    pulled: bool


SINGLES = {
    "the right one": Single(make=lambda: image_for("linux/amd64"), wanted="amd64", pulled=True),
    "another": Single(make=lambda: image_for("linux/s390x"), wanted="amd64", pulled=False),
    "a lower variant": Single(make=lambda: image_for("linux/arm/v6"), wanted="arm", pulled=True),
    "a higher variant": Single(
        make=lambda: image_for("linux/arm/v7"), wanted="linux/arm/v6", pulled=False
    ),
    "no variant": Single(make=lambda: image_for("linux/arm"), wanted="linux/arm/v6", pulled=True),
    "no platform": Single(
        make=lambda: image_for("linux/x", architecture=""), wanted="amd64", pulled=True
    ),
    "another system": Single(make=lambda: image_for("windows/amd64"), wanted="amd64", pulled=False),
}


@pytest.mark.parametrize("name", SINGLES)
def test_single(name: str, tmp_path: Path) -> None:
    row = SINGLES[name]
    image = row.make()
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", image)
        if row.pulled:
            assert fetch(reference, tmp_path, platform=row.wanted) == list(image.layers)
        else:
            with pytest.raises(NoPlatformError):
                fetch(reference, tmp_path, platform=row.wanted)


def test_config_with_other_layers_is_refused(tmp_path: Path) -> None:
    image = make_image([b"a", b"b"])
    short = make_image([b"a"])
    wrong = make_image([b"a", b"b"], config=descriptor(short.config, OCI.config))
    with FakeRegistry() as registry:
        registry.add("app", "v1", image)
        registry.add("app", "v1", short)
        reference = registry.add("app", "v1", wrong)
        with pytest.raises(ManifestError, match="2 layers, but its config lists: 1"):
            fetch(reference, tmp_path)


def test_layer_embedded_in_its_manifest(tmp_path: Path) -> None:
    image = make_image([b"x" * 100])
    layer = image.layers[0]
    entry = descriptor(layer, OCI.layer_gzip, data=base64.b64encode(layer).decode())
    embedded = make_image([b"x" * 100], layers=[entry])
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", embedded)
        assert fetch(reference, tmp_path) == [layer]
        assert registry.count("GET .*/blobs/") == 1  # the config
        wrong = make_image([b"x" * 100], layers=[entry | {"data": "AAAA"}])
        with pytest.raises(PullError, match="size does not match"):
            fetch(registry.add("app", "v2", wrong), tmp_path / "other")


def test_foreign_layer_comes_from_its_url(tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as elsewhere:
        reference = add_foreign(registry, elsewhere, ["layer"])
        assert fetch(reference, tmp_path) == [elsewhere.pages["/foreign/layer"]]
        assert [item.authorization for item in elsewhere.requests] == [""]


GONE = Quirk("GET /foreign/first", status=404)
BROKEN = Quirk("GET /foreign/first", cut_after=0)
WRONG = Quirk("GET /foreign/first", flip=20)
SHORT = Quirk("GET /foreign/first", body=b"sorry")


@pytest.mark.parametrize(
    "quirk", [GONE, BROKEN, WRONG, SHORT], ids=["gone", "broken", "wrong", "short"]
)
def test_foreign_layer_comes_from_the_first_url_that_has_it(quirk: Quirk, tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry(quirk) as elsewhere:
        reference = add_foreign(registry, elsewhere, ["first", "second"])
        (layer,) = fetch(reference, tmp_path)
        assert layer == elsewhere.pages["/foreign/second"]
        assert elsewhere.count("GET /foreign/first") >= 1
        assert elsewhere.count("GET /foreign/second") == 1


def test_foreign_layer_that_no_url_has(tmp_path: Path) -> None:
    gone, wrong = GONE, Quirk("GET /foreign/second", flip=20)
    with FakeRegistry() as registry, FakeRegistry(gone, wrong) as elsewhere:
        reference = add_foreign(registry, elsewhere, ["first", "second"])
        with pytest.raises(PullError, match="digest does not match"):
            fetch(reference, tmp_path)
        assert elsewhere.count("GET /foreign/second") == 1


def add_foreign(registry: FakeRegistry, elsewhere: FakeRegistry, names: list[str]) -> str:
    """Add an image whose layer only `elsewhere` has, under several names."""
    image = make_image([b"x" * 100])
    layer = image.layers[0]
    for name in names:
        elsewhere.pages[f"/foreign/{name}"] = layer
    urls = [f"http://{elsewhere.address}/foreign/{name}" for name in names]
    media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    entry = descriptor(layer, media_type, urls=urls)
    reference = registry.add("app", "v1", make_image([b"x" * 100], layers=[entry]))
    del registry.blobs[str(entry["digest"])]
    return reference


def test_reference_with_tag_and_digest_uses_the_digest(tmp_path: Path) -> None:
    old, new = make_image([b"old"]), make_image([b"new"])
    with FakeRegistry() as registry:
        registry.add("app", "v1", old)
        registry.add("app", "v1", new)
        reference = f"{registry.address}/app:v1@{old.digest}"
        with pull(
            reference,
            cache_dir=tmp_path,
            platform="linux/amd64",
            transport=IMPATIENT,
            credentials=nobody,
        ) as image:
            assert image.digest == old.digest
            assert image.reference == reference
        registry.manifests[f"/v2/app/manifests/{new.digest}"] = (old.manifest, OCI.manifest)
        with pytest.raises(PullError, match="digest does not match"):
            fetch(f"{registry.address}/app@{new.digest}", tmp_path)
