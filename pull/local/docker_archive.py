"""What `docker save` writes, as a source of images: `docker-archive:FILE[:NAME]`.

Such an archive has no manifest like a registry's, but a `manifest.json` that names the config and
the layers of each image. We make a manifest from it, the same for the same image, which names each
layer by its diff_id. If layers are links to files of other layers, as older Dockers write them, the
links are followed. We accept what skopeo accepts: keys in any case (old Jib wrote lower case), and
configs whose file is not named by their digest.

Source: https://github.com/moby/docker-image-spec/blob/main/spec.md, "Combined Image JSON +
Filesystem Changeset Format".
"""

from __future__ import annotations

import io
import json
import posixpath
from typing import BinaryIO

from pull.errors import LayoutError, ReferenceSyntaxError
from pull.local.oci_layout import Files, LocalBlob, ambiguity
from pull.source import Document
from pull.spec.digest import Digest
from pull.spec.jsonfields import Fields, parse_objects
from pull.spec.manifest import DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, parse_config
from pull.spec.reference import LocalReference, parse_reference

__all__ = ["DockerArchive"]

_DOCUMENT_MAX_BYTES = 8 << 20
_KEYS = {key.lower(): key for key in ("Config", "RepoTags", "Layers")}


class DockerArchive:
    """An archive of `docker save`, as a `pull.source.Source`.

    Raises:
        LayoutError: It isn't one, or does not have the image.
    """

    def __init__(self, reference: LocalReference, files: Files) -> None:
        self._reference = reference
        self._files = files
        self.name = str(reference)
        entries = parse_objects(self._read("manifest.json"), f"{files.name}/manifest.json")
        entry = self._choose([_spelt(entry) for entry in entries])
        self._paths: dict[Digest, str] = {}
        self._manifest = self._make_manifest(entry)

    def resolve(self) -> Digest | None:
        """See `Source`: asking costs as much as having."""
        return None

    def top(self) -> Document:
        """Return the manifest made from the archive's own."""
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
        selector, position = self._reference.selector, self._reference.position
        if position is not None:
            if position >= len(entries):
                raise LayoutError(
                    self._files.name, f"has no image @{position}: {len(entries)} in all"
                )
            return entries[position]
        wanted = _canonical(selector)
        chosen: list[tuple[int, Fields]] = []
        for number, entry in enumerate(entries):
            named = not selector or wanted in map(_canonical, entry.texts("RepoTags"))
            if named and not any(_same(entry, other) for _, other in chosen):
                chosen.append((number, entry))
        if len(chosen) == 1:
            return chosen[0][1]
        if chosen:
            where = self._files.name
            images = [(entry.texts("RepoTags"), f"@{number}") for number, entry in chosen]
            raise ambiguity(self._reference, where, images, kind="docker-archive")
        if not entries:
            raise LayoutError(self._files.name, "is empty")
        names = sorted({tag for entry in entries for tag in entry.texts("RepoTags")})
        listed = ", ".join(names) or "none has a name"
        raise LayoutError(self._files.name, f"has no image {selector!r}, only: {listed}")

    def _make_manifest(self, entry: Fields) -> bytes:
        config_path = _plain(entry.text("Config"))
        config_data = self._read(config_path)
        config_digest = Digest.of(config_data)
        self._paths[config_digest] = config_path
        config = parse_config(config_data, f"{self._files.name}/{config_path}")
        layer_paths = [_plain(path) for path in entry.texts("Layers")]
        if len(layer_paths) != len(config.diff_ids):
            reason = f"has {len(layer_paths)} layers, its config lists: {len(config.diff_ids)}"
            raise LayoutError(self._files.name, reason)
        layers: list[dict[str, object]] = []
        for path, diff_id in zip(layer_paths, config.diff_ids, strict=True):
            # a repeated layer may have been packed another way; the copy is ignored
            with self._open(self._paths.setdefault(diff_id, path)) as file:
                size = file.seek(0, io.SEEK_END)
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
            reason = f"is not an archive of docker save, or lacks: {path}"
            if path == "manifest.json" and "repositories" in self._files:
                reason = (
                    "is from a Docker before 1.10, which wrote no manifest.json: load and save it"
                )
            raise LayoutError(self._files.name, reason) from error


def _canonical(name: str) -> str:
    try:
        return str(parse_reference(name)) if name else ""
    except ReferenceSyntaxError:
        return name


def _spelt(entry: Fields) -> Fields:
    """Spell the keys as Docker does; Go accepts any case, and prefers the exact one."""
    values: dict[str, object] = {}
    for key, value in entry.values.items():
        known = _KEYS.get(key.lower(), key)
        if known == key or known not in entry.values:
            values[known] = value
    return Fields(entry.where, values)


def _same(one: Fields, other: Fields) -> bool:
    return (one.text("Config"), one.texts("Layers")) == (
        other.text("Config"),
        other.texts("Layers"),
    )


def _plain(path: str) -> str:
    return posixpath.normpath(path).lstrip("/")
