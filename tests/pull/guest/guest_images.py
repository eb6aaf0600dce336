"""OCI layouts of one layer and a config, for the command and for other projects' programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.flatten.tars import tar
from tests.pull.registry.images import OCI, Image, descriptor, digest_of, write_layout

__all__ = ["image_of", "layout_of"]


def image_of(
    process: Mapping[str, object] | None, *members: bytes, architecture: str = "amd64"
) -> Image:
    """An image whose config object is `process`."""
    layer = tar(members)
    config = json.dumps(
        {
            "os": "linux",
            "architecture": architecture,
            "created": "2024-05-06T07:08:09Z",
            "config": process,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": descriptor(config, OCI.config),
        "layers": [descriptor(layer, OCI.layer_gzip.removesuffix("+gzip"))],
    }
    return Image(
        manifest=json.dumps(manifest).encode(),
        media_type=OCI.manifest,
        config=config,
        layers=(layer,),
    )


def layout_of(directory: Path, images: Mapping[str, Image]) -> str:
    """Write a layout and return the reference of its images, which lacks the tag."""
    write_layout(directory, images)
    return f"oci:{directory}"
