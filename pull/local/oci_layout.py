"""OCI image layouts of this machine, as a source of images: `oci:DIR` and `oci-archive:FILE`.

Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. The blobs stay where
they are and are read in place. A name is an entry's annotation `org.opencontainers.image.ref.name`;
without a name there must be only one image for the wanted platform. Entries with the same digest
are one image.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from pull.errors import DigestMismatchError, LayoutError, SizeMismatchError
from pull.source import Document
from pull.spec.digest import Digest
from pull.spec.jsonfields import Fields, parse_object
from pull.spec.manifest import OCI_INDEX, Descriptor, parse_descriptor, parse_platform
from pull.spec.platforms import Platform, rank
from pull.spec.reference import LocalReference

__all__ = [
    "DirectoryFiles",
    "Files",
    "LocalBlob",
    "LocalBlobs",
    "LocalSource",
    "OciLayout",
    "ambiguity",
]

_REF_NAME = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME = "io.containerd.image.name"
_DOCUMENT_MAX_BYTES = 4 << 20
_BUFFER_BYTES = 1 << 18


class Files(Protocol):
    """The files of a layout, in a directory or in an archive."""

    @property
    def name(self) -> str:
        """What to call them in messages."""
        ...

    def __contains__(self, path: str) -> bool:
        """Tell whether there is a file at `path`."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a file; the stream can seek.

        Raises:
            FileNotFoundError: There is none at `path`.
        """
        ...

    def close(self) -> None:
        """Let go of the archive; open streams stay usable."""
        ...


class DirectoryFiles:
    """Files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.name = str(directory)

    def __contains__(self, path: str) -> bool:
        return (self._directory / path).is_file()

    def open(self, path: str) -> BinaryIO:
        """See `Files`."""
        return (self._directory / path).open("rb", _BUFFER_BYTES)

    def close(self) -> None:
        """Do nothing."""


class LocalBlob:
    """A stream and where it begins; see `pull.source.BlobStream`."""

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        stream.seek(offset)
        self._stream = stream
        self.offset = offset

    def readinto(self, buffer: memoryview, /) -> int:
        """See `pull.source.BlobStream`."""
        return self._stream.readinto(buffer)  # type: ignore[attr-defined,no-any-return]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class LocalSource(Protocol):
    """What `LocalBlobs` needs of a layout or an archive."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class OciLayout:
    """An image layout, as a `pull.source.Source`.

    Raises:
        LayoutError: The files are not a layout.
    """

    def __init__(self, reference: LocalReference, files: Files, wanted: Platform) -> None:
        self._reference = reference
        self._files = files
        self._wanted = wanted
        self.name = str(reference)
        version = parse_object(self._read("oci-layout"), f"{files.name}/oci-layout")
        if not version.text("imageLayoutVersion", "").startswith("1."):
            raise LayoutError(files.name, "is a layout of an unknown version")
        self._index = parse_object(self._read("index.json"), f"{files.name}/index.json")

    def resolve(self) -> Digest | None:
        """See `Source`: asking costs as much as having."""
        return None

    def top(self) -> Document:
        """Return what the reference's tag or digest names."""
        chosen = self._chosen()
        if not chosen:
            assert self._reference.digest is not None
            return self._document(self._reference.digest, "")
        if len(chosen) == 1:
            descriptor = parse_descriptor(chosen[0])
            return self._document(descriptor.digest, descriptor.media_type, descriptor.size)
        # one name for several platforms: the layout's index, with nothing but these
        manifests = [entry.values for entry in chosen]
        data = json.dumps({"schemaVersion": 2, "manifests": manifests}, sort_keys=True).encode()
        return Document(data=data, digest=Digest.of(data), media_type=OCI_INDEX)

    def document(self, descriptor: Descriptor) -> Document:
        """Return a manifest or index, verified."""
        return self._document(descriptor.digest, descriptor.media_type)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> LocalBlob:
        """Open a blob from `offset` on."""
        return LocalBlob(self.open(descriptor), offset)

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob."""
        return self._open(_blob_path(descriptor.digest))

    def may_retry(self, failures: int) -> bool:
        """Say no: files don't recover."""
        del failures
        return False

    def reject(self, descriptor: Descriptor) -> bool:
        """Say no: there is no other copy."""
        del descriptor
        return False

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def _chosen(self) -> list[Fields]:
        """Return the one entry that is meant, or several for different platforms.

        Empty if a digest is meant that the index does not list.
        """
        entries = self._index.objects("manifests")
        digest, position = self._reference.digest, self._reference.position
        if digest is not None:
            return [entry for entry in entries if entry.text("digest", "") == str(digest)][:1]
        if position is not None:
            if position >= len(entries):
                raise LayoutError(
                    self._files.name, f"has no image @{position}: {len(entries)} in all"
                )
            return [entries[position]]
        selector = self._reference.selector
        chosen = [entry for entry in entries if not selector or selector in _names(entry)]
        if not chosen:
            names = sorted({name for entry in entries for name in _names(entry)})
            listed = ", ".join(names) or "none has a name, use @DIGEST"
            reason = f"has no image {selector!r}, only: {listed}" if entries else "is empty"
            raise LayoutError(self._files.name, reason)
        images = {entry.text("digest"): entry for entry in reversed(chosen)}
        return self._for_one_platform(list(images.values())[::-1], entries)

    def _for_one_platform(self, images: list[Fields], entries: list[Fields]) -> list[Fields]:
        """Return the images if at most one of them is for the wanted platform.

        Raises:
            LayoutError: There are several: the user must choose.
        """
        images = [image for image in images if "artifactType" not in image] or images
        if len(images) == 1:
            return images
        if not all("platform" in image for image in images):
            raise self._ambiguity("", images, entries)
        fitting = [
            (fits, image)
            for image in images
            if (fits := rank(self._wanted, parse_platform(image.inner("platform")))) is not None
        ]
        if len({tuple(_names(image)) for _, image in fitting}) == 1:
            # one image for several platforms: take the best, if there is one
            best = min(fits for fits, _ in fitting)
            fitting = [each for each in fitting if each[0] == best]
        if len(fitting) > 1:
            raise self._ambiguity(str(self._wanted), [image for _, image in fitting], entries)
        return images

    def _ambiguity(self, platform: str, images: list[Fields], entries: list[Fields]) -> LayoutError:
        named = [(_names(image), f"@{entries.index(image)}") for image in images]
        return ambiguity(
            self._reference, self._files.name, named, kind="oci-archive", platform=platform
        )

    def _document(self, digest: Digest, media_type: str, size: int | None = None) -> Document:
        path = _blob_path(digest)
        where = f"{self._files.name}/{path}"
        data = self._read(path)
        if not digest.verifies(data):
            actual = Digest.of(data, digest.algorithm)
            raise DigestMismatchError(where, expected=str(digest), actual=str(actual))
        if size is not None and len(data) != size:
            raise SizeMismatchError(where, expected=size, actual=len(data))
        return Document(data=data, digest=digest, media_type=media_type)

    def _read(self, path: str) -> bytes:
        with self._open(path) as file:
            data = file.read(_DOCUMENT_MAX_BYTES + 1)
        if len(data) > _DOCUMENT_MAX_BYTES:
            raise LayoutError(self._files.name, f"has a file that is too large: {path}")
        return data

    def _open(self, path: str) -> BinaryIO:
        try:
            return self._files.open(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise LayoutError(
                self._files.name, f"is not an OCI layout, or lacks: {path}"
            ) from error


def _blob_path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def ambiguity(
    reference: LocalReference,
    where: str,
    named: list[tuple[list[str], str]],
    *,
    kind: str,
    platform: str = "",
) -> LayoutError:
    """Make the error for several images and no choice.

    `named` has (names, position) of each; on standard input is an archive of `kind`.
    """
    uses = Counter(name for names, _ in named for name in set(names))
    labels = [
        next((name for name in names if uses[name] == 1), position) for names, position in named
    ]
    source = f"{reference.kind}:{reference.path}"
    if reference.kind == "-":
        source = f"{kind}:/dev/stdin"
    for_platform = f" for {platform}" if platform else ""
    listed = ", ".join(sorted(labels))
    reason = f"has several images{for_platform}, choose one: {listed} (as in {source}:{labels[0]})"
    return LayoutError(where, reason)


def _names(entry: Fields) -> list[str]:
    """Return the names by which an entry may be asked for: all of it, and its tag."""
    annotations = entry.inner("annotations")
    stated = [annotations.text(key, "") for key in (_REF_NAME, _CONTAINERD_NAME)]
    names = [name for name in stated if name]
    tags = [name.rpartition(":")[2] for name in names if ":" in name.rpartition("/")[2]]
    return list(dict.fromkeys(names + tags))


class LocalBlobs:
    """Layers that are already here; see `pull.fetch.blobs.Blobs`."""

    def __init__(self, source: LocalSource) -> None:
        self._source = source

    def open(self, descriptor: Descriptor, *, verify: bool) -> BinaryIO:
        """Open a blob in place; its size is checked, and with `verify` its digest."""
        stream = self._source.open(descriptor)
        try:
            _check(stream, descriptor, self._source.name, verify=verify)
        except BaseException:
            stream.close()
            raise
        return stream

    def start(self, above: int) -> None:
        """Do nothing: everything is already here."""

    def missing_bytes(self, above: int) -> int:
        """Return none."""
        del above
        return 0

    def check(self) -> None:
        """Do nothing: `open` and the code that knows the diff_id have checked."""

    def fetch(self) -> None:
        """Do nothing: everything is already here."""

    def repair(self, digest: Digest) -> bool:
        """Say no: nothing is fetched again."""
        del digest
        return False

    def abort(self) -> None:
        """Do nothing: files keep no thread waiting."""

    def close(self) -> None:
        """Let go of the files."""
        self._source.close()


def _check(stream: BinaryIO, descriptor: Descriptor, name: str, *, verify: bool) -> None:
    what = f"{name}: {descriptor.digest}"
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size != descriptor.size:
        raise SizeMismatchError(what, expected=descriptor.size, actual=size)
    if verify:
        actual = descriptor.digest.of_file(stream)
        stream.seek(0)
        if actual != descriptor.digest:
            expected = str(descriptor.digest)
            raise DigestMismatchError(what, expected=expected, actual=str(actual))
