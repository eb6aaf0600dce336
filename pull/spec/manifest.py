"""What an image consists of, as its JSON documents say: descriptors, manifests, indexes, configs.

Sources: https://github.com/opencontainers/image-spec (descriptor.md, manifest.md, image-index.md,
config.md) and distribution's docs/content/spec/manifest-v2-2.md for Docker's schema 2, which has
the same fields. A document that could be read in two ways is refused (CVE-2021-41190), and so is
anything that is not an image, by its name.
"""

from __future__ import annotations

from typing import NamedTuple

from pull.errors import DigestMismatchError, ManifestError, NoImageError, SizeMismatchError
from pull.spec.digest import Digest
from pull.spec.jsonfields import Fields, parse_object
from pull.spec.platforms import Platform

__all__ = [
    "ACCEPT",
    "Descriptor",
    "ImageConfig",
    "Index",
    "Manifest",
    "is_document",
    "is_index",
    "parse_config",
    "parse_descriptor",
    "parse_document",
    "parse_platform",
]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
_MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
_INDEXES = (OCI_INDEX, DOCKER_LIST)
_CONFIGS = (OCI_CONFIG, DOCKER_CONFIG, "")
# what old registries turned a config's type into: moby accepts these as images, see
# https://github.com/distribution/distribution/issues/1621 and moby's distribution/registry.go
_OLD_CONFIGS = ("application/octet-stream", "application/json", "text/html")

ACCEPT = (*_MANIFESTS, *_INDEXES)
"""The media types that we tell a registry we understand."""

_LAYER_PREFIXES = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
)


class Descriptor(NamedTuple):
    """A pointer to content: its type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    data: bytes | None = None  # the content itself, if the document includes it
    platform: Platform | None = None
    is_artifact: bool = False  # its artifactType says that it is not an image

    def verify(self, data: bytes, what: str) -> bytes:
        """Return `data` if it is what the descriptor points to.

        Raises:
            SizeMismatchError, DigestMismatchError: It is not.
        """
        if len(data) != self.size:
            raise SizeMismatchError(what, expected=self.size, actual=len(data))
        actual = Digest.of(data, self.digest.algorithm)
        if actual != self.digest:
            raise DigestMismatchError(what, expected=str(self.digest), actual=str(actual))
        return data


class Manifest(NamedTuple):
    """One image for one platform; `layers` are oldest first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


class Index(NamedTuple):
    """Images for several platforms, or further indexes."""

    media_type: str
    manifests: tuple[Descriptor, ...]


class ImageConfig(NamedTuple):
    """The part of an image's config that concerns its filesystem; `raw` is all of it."""

    platform: Platform | None  # None if the config does not say
    states_variant: bool
    created: str | None  # RFC 3339
    diff_ids: tuple[Digest, ...]
    raw: bytes


def is_index(media_type: str) -> bool:
    """Tell whether a descriptor of this type points to an index."""
    return media_type in _INDEXES


def is_document(media_type: str) -> bool:
    """Tell whether a descriptor of this type may point to an index or a manifest.

    The image-spec, image-index.md: an unknown type "MUST be ignored".
    """
    return media_type in ("", *_MANIFESTS, *_INDEXES, *_SCHEMA_1)


def parse_document(data: bytes, where: str, media_type: str = "") -> Manifest | Index:
    """Parse a manifest or an index.

    `media_type` is what the registry or the descriptor says; empty if neither does.

    Raises:
        NoImageError: It is an artifact, or an image of a kind that we can't use.
        ManifestError: It is malformed, or contradicts itself or `media_type`.
    """
    fields = parse_object(data, where)
    stated = _agreed_media_type(fields, media_type)
    _refuse_schema_1(fields, stated)
    looks_like_index = "manifests" in fields
    looks_like_manifest = "config" in fields or "layers" in fields
    if looks_like_index and looks_like_manifest:
        raise ManifestError(where, "has both 'manifests' and 'layers' and is ambiguous")
    if looks_like_index or (stated in _INDEXES and not looks_like_manifest):
        if stated in _MANIFESTS:
            raise ManifestError(where, f"is an index, but says it is: {stated}")
        return _parse_index(fields, stated or OCI_INDEX)
    if stated in _INDEXES:
        raise ManifestError(where, f"is a manifest, but says it is: {stated}")
    if not looks_like_manifest:
        raise ManifestError(where, "is neither a manifest nor an index")
    return _parse_manifest(fields, stated or OCI_MANIFEST)


def _agreed_media_type(fields: Fields, outside: str) -> str:
    inside = fields.text("mediaType", "")
    outside = _essence(outside)
    known = (*_MANIFESTS, *_INDEXES, *_SCHEMA_1)
    if outside not in known:
        # registries that know no better send application/json or text/plain
        outside = ""
    if inside and outside and inside != outside:
        reason = f"says it is {inside}, but was announced as: {outside}"
        raise ManifestError(fields.where, reason)
    stated = inside or outside
    if stated and stated not in known:
        raise NoImageError(fields.where, f"is of a type that is not an image: {stated}")
    return stated


def _essence(media_type: str) -> str:
    """Return a media type without parameters, in small letters: RFC 9110, section 8.3.1."""
    return media_type.partition(";")[0].strip().lower()


def _refuse_schema_1(fields: Fields, stated: str) -> None:
    version = fields.number("schemaVersion", 2)
    if version == 1 or stated in _SCHEMA_1:
        reason = "is Docker's schema 1, abandoned in 2017; push the image again with a newer tool"
        raise NoImageError(fields.where, reason)
    if version != 2:
        raise ManifestError(fields.where, f"has an unknown schemaVersion: {version}")


def _parse_index(fields: Fields, media_type: str) -> Index:
    manifests = tuple(parse_descriptor(entry) for entry in fields.objects("manifests"))
    return Index(media_type=media_type, manifests=manifests)


def _parse_manifest(fields: Fields, media_type: str) -> Manifest:
    config = parse_descriptor(fields.inner("config"))
    artifact_type = fields.text("artifactType", "")
    configs = (*_CONFIGS, *_OLD_CONFIGS) if media_type == DOCKER_MANIFEST else _CONFIGS
    if _essence(config.media_type) not in configs:
        kind = artifact_type or config.media_type
        raise NoImageError(fields.where, f"is an artifact, not an image: {kind}")
    layers = tuple(parse_descriptor(entry) for entry in fields.objects("layers"))
    for layer in layers:
        if layer.media_type and not layer.media_type.startswith(_LAYER_PREFIXES):
            reason = f"has a layer that is not a filesystem: {layer.media_type}"
            raise NoImageError(fields.where, reason)
        if layer.media_type.endswith("+encrypted"):
            raise NoImageError(fields.where, f"has an encrypted layer: {layer.digest}")
    return Manifest(media_type=media_type, config=config, layers=layers)


def parse_descriptor(fields: Fields) -> Descriptor:
    """Parse a pointer to content.

    Raises:
        ManifestError: It is malformed.
    """
    platform = fields.inner("platform")
    return Descriptor(
        media_type=fields.text("mediaType", ""),
        digest=Digest.parse(fields.text("digest")),
        size=fields.size("size"),
        urls=tuple(fields.texts("urls")),
        data=_embedded(fields),
        platform=parse_platform(platform) if platform.names() else None,
        is_artifact=_is_artifact(fields),
    )


def _is_artifact(fields: Fields) -> bool:
    # of an image, the artifactType is the type of its config: descriptor.md
    return fields.text("artifactType", "") not in (*_CONFIGS, *_OLD_CONFIGS)


def _embedded(fields: Fields) -> bytes | None:
    if "data" not in fields:
        return None
    import base64  # noqa: PLC0415  # rarely needed

    try:
        return base64.b64decode(fields.text("data"), validate=True)
    except ValueError:  # binascii.Error is one, and so is text that is not ASCII
        fields.refuse("data", "base64")


def parse_platform(fields: Fields) -> Platform:
    """Read what an index entry or a config says about its platform."""
    return Platform.of(
        fields.text("os", "unknown"),
        fields.text("architecture", "unknown"),
        fields.text("variant", ""),
        fields.text("os.version", ""),
        fields.texts("os.features"),
    )


def parse_config(data: bytes, where: str) -> ImageConfig:
    """Parse an image's config.

    Raises:
        ManifestError: It is malformed.
    """
    fields = parse_object(data, where)
    rootfs = fields.inner("rootfs")
    if rootfs.text("type", "layers") != "layers":
        rootfs.refuse("type", "'layers'")
    has_platform = bool(fields.text("os", "") and fields.text("architecture", ""))
    return ImageConfig(
        platform=parse_platform(fields) if has_platform else None,
        states_variant=bool(fields.text("variant", "")),
        created=fields.text("created", "") or None,
        diff_ids=tuple(Digest.parse(text) for text in rootfs.texts("diff_ids")),
        raw=data,
    )
