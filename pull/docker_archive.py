"""What `docker save` writes, as a source of images: `docker-archive:FILE[:NAME]`.

Such an archive has no manifest of the registry's kind but a `manifest.json` that names the config
and the layers of each image. A manifest is made up from it, the same for the same image, in which a
layer goes by its diff_id. Where layers are links to files of other layers, as older Dockers write
them, the links are followed.

Source: https://github.com/moby/docker-image-spec/blob/main/spec.md, "Combined Image JSON +
Filesystem Changeset Format".
"""

from __future__ import annotations

import io
import json
import posixpath
import re
from typing import BinaryIO

from pull.digest import Digest
from pull.errors import DigestMismatchError, LayoutError, ReferenceSyntaxError
from pull.jsonfields import Fields, parse_objects
from pull.layouts import Files, LocalBlob
from pull.manifest import DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, parse_config
from pull.reference import LocalReference, parse_reference
from pull.source import Document

__all__ = ["DockerArchive"]

_DOCUMENT_MAX_BYTES = 8 << 20
_HEX_NAME = re.compile(r"([0-9a-f]{64})(?:\.json)?")


class DockerArchive:
    """An archive of `docker save`, as a `pull.source.Source`.

    Raises:
        LayoutError: It is none, or does not have the image.
    """

    def __init__(self, reference: LocalReference, files: Files) -> None:
        self._reference = reference
        self._files = files
        self.name = str(reference)
        entries = parse_objects(self._read("manifest.json"), f"{files.name}/manifest.json")
        entry = self._choose(entries)
        self._paths: dict[Digest, str] = {}
        self._manifest = self._make_manifest(entry)

    def resolve(self) -> Digest | None:
        """See `Source`: asking costs as much as having."""
        return None

    def top(self) -> Document:
        """Return the manifest that was made up."""
        data = self._manifest
        return Document(data=data, digest=Digest.of(data), media_type=DOCKER_MANIFEST)

    def document(self, descriptor: Descriptor) -> Document:
        """Refuse: there is no index that could point to one."""
        raise LayoutError(self._files.name, f"has no manifest {descriptor.digest}")

    def blob(self, descriptor: Descriptor, offset: int = 0) -> LocalBlob:
        """Open the config or a layer from `offset` on."""
        return LocalBlob(self.open(descriptor), offset)

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open the config or a layer."""
        return self._open(self._paths[descriptor.digest])

    def may_retry(self, failures: int) -> bool:
        """Say no: files don't recover."""
        del failures
        return False

    def reject(self, descriptor: Descriptor) -> bool:
        """Say no: there is no other copy."""
        del descriptor
        return False

    def close(self) -> None:
        """Let go of the archive."""
        self._files.close()

    def _choose(self, entries: list[Fields]) -> Fields:
        selector = self._reference.selector
        wanted = _canonical(selector)
        chosen = [
            entry
            for entry in entries
            if not selector or wanted in [_canonical(tag) for tag in entry.texts("RepoTags")]
        ]
        if len(chosen) == 1:
            return chosen[0]
        names = sorted({tag for entry in entries for tag in entry.texts("RepoTags")})
        listed = ", ".join(names) or "none has a name"
        reason = "has several images, choose one" if chosen else f"has no image {selector!r}, only"
        raise LayoutError(self._files.name, f"{reason}: {listed}")

    def _make_manifest(self, entry: Fields) -> bytes:
        config_path = posixpath.normpath(entry.text("Config"))
        config_data = self._read(config_path)
        config_digest = Digest.of(config_data)
        named = _HEX_NAME.fullmatch(posixpath.basename(config_path))
        if named and named[1] != config_digest.hex:
            where = f"{self._files.name}/{config_path}"
            expected = f"sha256:{named[1]}"
            raise DigestMismatchError(where, expected=expected, actual=str(config_digest))
        self._paths[config_digest] = config_path
        config = parse_config(config_data, f"{self._files.name}/{config_path}")
        layer_paths = [posixpath.normpath(path) for path in entry.texts("Layers")]
        if len(layer_paths) != len(config.diff_ids):
            reason = f"has {len(layer_paths)} layers, its config lists: {len(config.diff_ids)}"
            raise LayoutError(self._files.name, reason)
        layers: list[dict[str, object]] = []
        for path, diff_id in zip(layer_paths, config.diff_ids, strict=True):
            with self._open(path) as file:
                size = file.seek(0, io.SEEK_END)
            self._paths[diff_id] = path
            # no media type: the files may be compressed or not
            layers.append({"mediaType": "", "digest": str(diff_id), "size": size})
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {
                "mediaType": DOCKER_CONFIG,
                "digest": str(config_digest),
                "size": len(config_data),
            },
            "layers": layers,
        }
        return json.dumps(manifest, sort_keys=True).encode()

    def _read(self, path: str) -> bytes:
        with self._open(path) as file:
            data = file.read(_DOCUMENT_MAX_BYTES + 1)
        if len(data) > _DOCUMENT_MAX_BYTES:
            raise LayoutError(self._files.name, f"has a file that is too large: {path}")
        return data

    def _open(self, path: str) -> BinaryIO:
        try:
            return self._files.open(path)
        except FileNotFoundError as error:
            reason = f"is no archive of docker save, or lacks: {path}"
            raise LayoutError(self._files.name, reason) from error


def _canonical(name: str) -> str:
    try:
        return str(parse_reference(name)) if name else ""
    except ReferenceSyntaxError:
        return name
