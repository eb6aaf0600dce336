"""OCI layouts made from layers, for programs that read nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from flatten.stream.chunks import ChunkPipeline
from tests.flatten.tars import MemoryLayer

__all__ = ["write_layout"]


def write_layout(directory: Path, images: Mapping[str, Sequence[MemoryLayer]]) -> None:
    """Write a layout with an image for each tag; all layers are said to be gzip."""
    (directory / "blobs" / "sha256").mkdir(parents=True)
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    manifests = []
    for tag, layers in images.items():
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff_id(layer) for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "config": _put(directory, json.dumps(config).encode(), "config.v1+json"),
            "layers": [_put(directory, layer.blob, "layer.v1.tar+gzip") for layer in layers],
        }
        descriptor = _put(directory, json.dumps(manifest).encode(), "manifest.v1+json")
        annotations = {"org.opencontainers.image.ref.name": tag}
        manifests.append({**descriptor, "annotations": annotations})
    index = {"schemaVersion": 2, "manifests": manifests}
    (directory / "index.json").write_text(json.dumps(index))


def diff_id(layer: MemoryLayer) -> str:
    state = hashlib.sha256()
    with ChunkPipeline([layer]) as pipeline:
        for chunk in pipeline.chunks(0):
            state.update(chunk.data)
    return "sha256:" + state.hexdigest()


def _put(directory: Path, blob: bytes, kind: str) -> dict[str, object]:
    digest = hashlib.sha256(blob).hexdigest()
    (directory / "blobs" / "sha256" / digest).write_bytes(blob)
    media_type = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(blob)}
