"""The layers of an OCI layout that a program has written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["BlobLayer", "layers_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobLayer:
    """A layer whose blob is a file of the layout."""

    path: Path
    digest: str
    diff_id: str
    media_type: str

    def open(self) -> BinaryIO:
        return self.path.open("rb")


def layers_of(layout: Path) -> list[BlobLayer]:
    """Return the layers of the only image in `layout`."""

    def blob(digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        return layout / "blobs" / algorithm / name

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    return [
        BlobLayer(
            path=blob(layer["digest"]),
            digest=layer["digest"],
            diff_id=diff_id,
            media_type=layer["mediaType"],
        )
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    ]
