"""Images on this machine: layouts, archives of both kinds, compressed or not, also from a pipe."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pull import pull
from pull.errors import DigestMismatchError, LayoutError, PullError, SizeMismatchError
from tests.oracle_tools import need
from tests.pull.registry.images import Image, make_image, make_tar, write_layout

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ONE = make_image([make_tar({"a": b"1" * 5000}), make_tar({"b": b"2"})])
TWO = make_image([make_tar({"a": b"3"})])
ROOT = Path(__file__).parents[3]


def read(reference: str, tmp_path: Path) -> tuple[str, list[bytes]]:
    with pull(reference, cache_dir=tmp_path / "cache", platform="linux/amd64") as image:
        image.check()
        image.fetch()
        layers = []
        for layer in image.layers:
            with layer.open() as stream:
                layers.append(stream.read())
        return image.digest, layers


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    write_layout(tmp_path / "layout", {"v1": ONE, "registry.example/two:v2": TWO})
    return tmp_path / "layout"


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        (":v1", ONE),
        (":v2", TWO),
        (f"@{ONE.digest}", ONE),
        (f"@{TWO.digest}", TWO),
    ],
)
def test_directory(suffix: str, image: Image, layout: Path, tmp_path: Path) -> None:
    assert read(f"oci:{layout}{suffix}", tmp_path) == (image.digest, list(image.layers))


def test_directory_with_one_image_needs_no_tag(tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", {"": ONE})
    assert read(f"oci:{tmp_path}/layout", tmp_path)[0] == ONE.digest


def test_nothing_is_copied_into_the_cache(layout: Path, tmp_path: Path) -> None:
    read(f"oci:{layout}:v1", tmp_path)
    assert not (tmp_path / "cache").exists()


def test_one_name_for_several_platforms(tmp_path: Path) -> None:
    other = make_image([b"arm"], architecture="arm64")
    write_layout(tmp_path / "layout", {"": ONE, "x": other})
    index = json.loads((tmp_path / "layout/index.json").read_bytes())
    for entry, architecture in zip(index["manifests"], ("amd64", "arm64"), strict=True):
        entry["platform"] = {"os": "linux", "architecture": architecture}
        entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (tmp_path / "layout/index.json").write_text(json.dumps(index))
    assert read(f"oci:{tmp_path}/layout:v1", tmp_path)[0] == ONE.digest
    with pull(f"oci:{tmp_path}/layout:v1", platform="linux/arm64", cache_dir=tmp_path) as image:
        assert image.digest == other.digest


def spoil_size(layout: Path) -> None:
    path = layout / "blobs/sha256" / hashlib.sha256(ONE.layers[0]).hexdigest()
    path.write_bytes(ONE.layers[0] + b"x")


def spoil_manifest(layout: Path) -> None:
    path = layout / "blobs/sha256" / ONE.digest.removeprefix("sha256:")
    path.write_bytes(ONE.manifest + b" ")


def spoil_config(layout: Path) -> None:
    path = layout / "blobs/sha256" / hashlib.sha256(ONE.config).hexdigest()
    path.write_bytes(ONE.config.replace(b"linux", b"xunil"))


def remove(name: str) -> Callable[[Path], None]:
    return lambda layout: (layout / name).unlink()


WRONG: dict[str, tuple[str, Callable[[Path], None], type[PullError], str]] = {
    "no tag": ("", lambda _: None, LayoutError, "several images, choose one: registry.example"),
    "missing tag": (":v9", lambda _: None, LayoutError, "has no image 'v9', only: "),
    "missing digest": ("@sha256:" + "0" * 64, lambda _: None, LayoutError, "lacks: blobs/sha256/0"),
    "no layout": (":v1", remove("oci-layout"), LayoutError, "not an OCI layout"),
    "no index": (":v1", remove("index.json"), LayoutError, "lacks: index.json"),
    "layer of another size": (":v1", spoil_size, SizeMismatchError, "size does not match"),
    "manifest damaged": (":v1", spoil_manifest, DigestMismatchError, "digest does not match"),
    "config damaged": (":v1", spoil_config, DigestMismatchError, "digest does not match"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_layout(name: str, layout: Path, tmp_path: Path) -> None:
    suffix, spoil, error, says = WRONG[name]
    spoil(layout)
    with pytest.raises(error) as caught:
        read(f"oci:{layout}{suffix}", tmp_path)
    assert says in str(caught.value)
    assert str(layout) in str(caught.value)


def test_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="not an OCI layout"):
        read(f"oci:{tmp_path}/none", tmp_path)


def tar_of(directory: Path, prefix: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path in sorted(directory.rglob("*")):
            archive.add(path, prefix + str(path.relative_to(directory)), recursive=False)
    return out.getvalue()


def docker_save(images: dict[str, Image], *, links: bool = False) -> bytes:
    """Make what `docker save` wrote until version 24; `links`: equal layers are symlinks."""
    out = io.BytesIO()
    manifest = []
    seen: dict[bytes, str] = {}
    with tarfile.open(fileobj=out, mode="w") as archive:

        def add(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

        for tag, image in images.items():
            config_name = f"{hashlib.sha256(image.config).hexdigest()}.json"
            add(config_name, image.config)
            paths = []
            for number, layer in enumerate(image.layers):
                tar = gzip.decompress(layer)
                path = f"{hashlib.sha256(layer).hexdigest()}-{tag}-{number}/layer.tar"
                if links and tar in seen:
                    link = tarfile.TarInfo(path)
                    link.type = tarfile.SYMTYPE
                    link.linkname = f"../{seen[tar]}"
                    archive.addfile(link)
                else:
                    add(path, tar)
                    seen[tar] = path
                paths.append(path)
            manifest.append({"Config": config_name, "RepoTags": [tag], "Layers": paths})
        add("manifest.json", json.dumps(manifest).encode())
    return out.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("prefix", ["", "./"])
def test_oci_archive(compression: str, prefix: str, layout: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(COMPRESSIONS[compression](tar_of(layout, prefix)))
    assert read(f"oci-archive:{archive}:v1", tmp_path) == (ONE.digest, list(ONE.layers))
    assert list((tmp_path / "cache").rglob("*.*")) == []


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_docker_archive(compression: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    saved = docker_save({"one:v1": ONE, "ghcr.io/a/two:v2": TWO})
    archive.write_bytes(COMPRESSIONS[compression](saved))
    first, layers = read(f"docker-archive:{archive}:one:v1", tmp_path)
    assert layers == [gzip.decompress(layer) for layer in ONE.layers]
    second, layers = read(f"docker-archive:{archive}:ghcr.io/a/two:v2", tmp_path)
    assert layers == [gzip.decompress(layer) for layer in TWO.layers]
    assert first != second
    assert read(f"docker-archive:{archive}:docker.io/library/one:v1", tmp_path)[0] == first


def test_docker_archive_with_links(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    twice = make_image([make_tar({"a": b"1" * 5000}), make_tar({"a": b"1" * 5000})])
    archive.write_bytes(docker_save({"twice:v1": twice}, links=True))
    assert read(f"docker-archive:{archive}", tmp_path)[1] == [
        gzip.decompress(layer) for layer in twice.layers
    ]


WRONG_ARCHIVES: dict[str, tuple[bytes, str, str]] = {
    "no tar": (b"x" * 2000, "oci-archive:{}", "not a tar archive"),
    "empty": (b"", "oci-archive:{}", "not a tar archive"),
    "tar of something else": (make_tar({"a": b""}), "oci-archive:{}", "lacks: oci-layout"),
    "docker's of something else": (make_tar({"a": b""}), "docker-archive:{}", "manifest.json"),
    "truncated gzip": (gzip.compress(make_tar({"a": b""}))[:50], "oci-archive:{}", "decompressed"),
    "damaged xz": (lzma.compress(b"x" * 999)[:-20] + b"y" * 20, "oci-archive:{}", "decompressed"),
    "truncated zstd": (zstd.compress(b"x" * 999)[:-5], "oci-archive:{}", "decompressed"),
    "damaged zstd": (b"\x28\xb5\x2f\xfd" + b"\xff" * 99, "oci-archive:{}", "decompressed"),
    "damaged gzip": (gzip.compress(b"x" * 999)[:-8] + b"y" * 8, "oci-archive:{}", "decompressed"),
    "damaged bzip2": (bz2.compress(b"x" * 999)[:-9] + b"y" * 9, "oci-archive:{}", "decompressed"),
    "several": (docker_save({"a:1": ONE, "b:1": TWO}), "docker-archive:{}", "choose one: a:1, b:1"),
    "no such name": (docker_save({"a:1": ONE}), "docker-archive:{}:b:1", "no image 'b:1', only: a"),
    "layer missing": (
        make_tar(
            {
                "manifest.json": b'[{"Config": "c", "Layers": ["x", "y"]}]',
                "c": ONE.config,
            }
        ),
        "docker-archive:{}",
        "lacks: x",
    ),
    "other layers than the config's": (
        make_tar({"manifest.json": b'[{"Config": "c", "Layers": []}]', "c": ONE.config}),
        "docker-archive:{}",
        "0 layers, its config lists: 2",
    ),
}


@pytest.mark.parametrize("name", WRONG_ARCHIVES)
def test_wrong_archive(name: str, tmp_path: Path) -> None:
    data, reference, says = WRONG_ARCHIVES[name]
    archive = tmp_path / "archive"
    archive.write_bytes(data)
    with pytest.raises(PullError) as caught:
        read(reference.format(archive), tmp_path)
    assert says in str(caught.value)
    assert str(archive) in str(caught.value)


def test_archive_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(f"oci-archive:{tmp_path}/none", tmp_path)


PROGRAM = """
import sys
from pathlib import Path
from pull import pull
with pull("-", cache_dir=Path(sys.argv[1]), platform="linux/amd64") as image:
    for layer in image.layers:
        with layer.open() as stream:
            sys.stdout.buffer.write(stream.read())
"""


@pytest.mark.parametrize("kind", ["oci", "docker", "oci.gz"])
def test_standard_input(kind: str, tmp_path: Path) -> None:
    write_layout(tmp_path / "single", {"": ONE})
    data = docker_save({"a:1": ONE}) if kind == "docker" else tar_of(tmp_path / "single")
    if kind == "oci.gz":
        data = gzip.compress(data)
    expected = [gzip.decompress(layer) if kind == "docker" else layer for layer in ONE.layers]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "cache")],
        input=data,
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == b"".join(expected)
    assert done.stderr == b""


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_archive_that_skopeo_made(kind: str, layout: Path, tmp_path: Path) -> None:
    need("skopeo")
    target = f"{kind}:{tmp_path}/archive:some/image:v1"
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{layout}:v1", target]
    subprocess.run(command, check=True)
    _, layers = read(target, tmp_path)
    plain = [gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer for layer in layers]
    assert plain == [gzip.decompress(layer) for layer in ONE.layers]
