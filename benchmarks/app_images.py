"""Images that share all layers but the top one: an application on a base, in many versions.

The layers below are those of a real image without its own top layer, the same blobs. The top layer
is made here, and is always the same for the same number: as many files of 20,000 bytes as are
wanted, of hexadecimal digits, so that they compress to a bit more than half. No two versions have
a file in common.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.make_images import tags

__all__ = ["BASE", "FILE_BYTES", "app", "app_layer", "app_layout"]

BASE = "base"
"""The tag of the layers below, as an image of its own."""

FILE_BYTES = 20_000
FILES_IN_A_DIRECTORY = 100
MEDIA = "application/vnd.oci.image"


def app(number: int) -> str:
    """Return the tag of a version."""
    return f"app-{number}"


def app_layout(layout: Path, tag: str, place: Path, *, versions: int, files: int) -> Path:
    """Make an OCI layout of `versions` images, with `files` files of their own each.

    They have the layers of the image `tag` in `layout`, without the top one.
    """
    digest = tags(layout)[tag]
    root = place / f"apps-{digest.partition(':')[2][:12]}-{versions}-{files}"
    if root.exists():
        return root
    making = place / "apps-making"
    shutil.rmtree(making, ignore_errors=True)
    blobs = making / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    manifest = _document(layout, digest)
    config = _document(layout, manifest["config"]["digest"])
    below: list[dict[str, Any]] = manifest["layers"][:-1]
    diff_ids: list[str] = config["rootfs"]["diff_ids"][:-1]
    for descriptor in below:
        _link(_blob(layout, descriptor["digest"]), _blob(making, descriptor["digest"]))
    entries = [_image(blobs, BASE, config, below, diff_ids)]
    for number in range(1, versions + 1):
        tar = app_layer(number, files)
        layer = _put(blobs, gzip.compress(tar, 1, mtime=0), f"{MEDIA}.layer.v1.tar+gzip")
        diff_id = f"sha256:{hashlib.sha256(tar).hexdigest()}"
        entries.append(_image(blobs, app(number), config, [*below, layer], [*diff_ids, diff_id]))
    index = {"schemaVersion": 2, "manifests": entries}
    (making / "index.json").write_text(json.dumps(index))
    (making / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    making.rename(root)
    return root


def app_layer(number: int, files: int) -> bytes:
    """Make the tar of a version's own layer."""
    content = random.Random(number)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for first in range(0, files, FILES_IN_A_DIRECTORY):
            folder = tarfile.TarInfo(f"srv/app/part-{first // FILES_IN_A_DIRECTORY:03}")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
            for file in range(first, min(first + FILES_IN_A_DIRECTORY, files)):
                entry = tarfile.TarInfo(f"{folder.name}/file-{file:05}")
                entry.size, entry.mtime = FILE_BYTES, 1_700_000_000
                text = content.randbytes(FILE_BYTES // 2).hex().encode()
                archive.addfile(entry, io.BytesIO(text))
    return tar.getvalue()


def _image(
    blobs: Path,
    tag: str,
    config: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    diff_ids: Sequence[str],
) -> dict[str, Any]:
    """Write an image's config and manifest; return its entry for the index."""
    own = {name: value for name, value in config.items() if name != "history"}
    own["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
    packed = json.dumps(own).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": _put(blobs, packed, f"{MEDIA}.config.v1+json"),
        "layers": list(layers),
    }
    entry = _put(blobs, json.dumps(manifest).encode(), f"{MEDIA}.manifest.v1+json")
    return {**entry, "annotations": {"org.opencontainers.image.ref.name": tag}}


def _put(blobs: Path, data: bytes, media_type: str) -> dict[str, Any]:
    """Write a blob; return its descriptor."""
    name = hashlib.sha256(data).hexdigest()
    (blobs / name).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}


def _document(layout: Path, digest: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_blob(layout, digest).read_bytes())
    return document


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it to another filesystem."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
