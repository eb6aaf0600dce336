"""Small images as values, to fill a registry or a layout with."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


__all__ = [
    "DOCKER",
    "OCI",
    "Image",
    "MediaTypes",
    "descriptor",
    "digest_of",
    "make_image",
    "make_index",
    "make_tar",
    "write_layout",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTypes:
    manifest: str
    index: str
    config: str
    layer_gzip: str


OCI = MediaTypes(
    manifest="application/vnd.oci.image.manifest.v1+json",
    index="application/vnd.oci.image.index.v1+json",
    config="application/vnd.oci.image.config.v1+json",
    layer_gzip="application/vnd.oci.image.layer.v1.tar+gzip",
)
DOCKER = MediaTypes(
    manifest="application/vnd.docker.distribution.manifest.v2+json",
    index="application/vnd.docker.distribution.manifest.list.v2+json",
    config="application/vnd.docker.container.image.v1+json",
    layer_gzip="application/vnd.docker.image.rootfs.diff.tar.gzip",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A manifest with everything it points to; `blobs` are by digest."""

    manifest: bytes
    media_type: str
    config: bytes
    layers: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def blobs(self) -> dict[str, bytes]:
        return {digest_of(blob): blob for blob in (self.config, *self.layers)}


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str, /, **extra: object) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **extra}


def make_tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def make_image(
    tars: Sequence[bytes] = (),
    *,
    types: MediaTypes = OCI,
    compress: str = "gzip",
    os: str = "linux",
    architecture: str = "amd64",
    variant: str = "",
    algorithm: str = "sha256",
    **changes: object,
) -> Image:
    """Make an image of layers; `changes` replace fields of the manifest."""
    config_fields: dict[str, object] = {
        "os": os,
        "architecture": architecture,
        "created": "2024-05-06T07:08:09.123456789Z",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
    }
    if variant:
        config_fields["variant"] = variant
    config = json.dumps(config_fields).encode()
    layers = tuple(_compressed(tar, compress) for tar in tars)
    manifest = {
        "schemaVersion": 2,
        "mediaType": types.manifest,
        "config": descriptor(config, types.config),
        "layers": [
            descriptor(layer, _layer_type(types, compress))
            | {"digest": digest_of(layer, algorithm)}
            for layer in layers
        ],
        **changes,
    }
    return Image(
        manifest=json.dumps(manifest).encode(),
        media_type=types.manifest,
        config=config,
        layers=layers,
    )


def make_index(entries: Sequence[dict[str, object]], types: MediaTypes = OCI) -> bytes:
    index = {"schemaVersion": 2, "mediaType": types.index, "manifests": list(entries)}
    return json.dumps(index).encode()


def write_layout(directory: Path, images: Mapping[str, Image]) -> None:
    """Write an OCI layout that holds images under their tags; an empty tag is none."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)
    entries = []
    for tag, image in images.items():
        for data in (image.manifest, *image.blobs.values()):
            (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        entry = descriptor(image.manifest, image.media_type)
        if tag:
            entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        entries.append(entry)
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_bytes(make_index(entries))


def _compressed(tar: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(tar, 1, mtime=0)
    return zstd.compress(tar) if how == "zstd" else tar


def _layer_type(types: MediaTypes, how: str) -> str:
    plain = types.layer_gzip.removesuffix("gzip")[:-1]
    return {"gzip": types.layer_gzip, "zstd": f"{plain}+zstd"}.get(how, plain)
