"""The story of one pull, from a reference to an image that can be read.

Parse the reference; find the document that it names, in the cache if it is there; follow indexes to
the manifest for the platform; read the config. Layers are downloaded when the first of them is
opened, verified as they arrive, and kept in the cache.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pull.cache import Cache, default_cache_dir, named_cache_dir
from pull.errors import PullError
from pull.fetch.documents import Documents
from pull.fetch.selection import Selection, select
from pull.image import Layer, PulledImage
from pull.spec.platforms import Platform, host
from pull.spec.reference import LocalReference, Reference, parse_reference

if TYPE_CHECKING:
    from pull.fetch.arrival import Report
    from pull.fetch.blobs import Blobs
    from pull.local.docker_archive import DockerArchive
    from pull.local.oci_layout import OciLayout
    from pull.registry.credentials import Credentials, FindCredentials
    from pull.registry.options import Mirror, TransportOptions
    from pull.source import Source

__all__ = ["pull"]

DEFAULT_JOBS = 3


def pull(
    reference: str,
    *,
    cache_dir: Path | None = None,
    platform: str | Platform | None = None,
    credentials: FindCredentials | None = None,
    transport: TransportOptions | None = None,
    mirrors: Sequence[Mirror] = (),
    jobs: int = DEFAULT_JOBS,
    offline: bool = False,
    report: Report | None = None,
) -> PulledImage:
    """Find an image and return it with layers that can be opened.

    Args:
        reference: What to pull: `debian:12`, `ghcr.io/owner/name@sha256:...`, `oci:DIR:TAG`,
            `oci-archive:FILE`, `docker-archive:FILE:NAME`, or `-` for an archive on standard input.
        cache_dir: Where verified blobs are kept; None is what $PYEXT4_CACHE
            names, or else `pyext4` in the user's cache directory.
        platform: `linux/arm64`, `linux/arm/v7` and so on; None is Linux on this machine.
        credentials: Called with (registry, repository) when a registry asks who we are; None looks
            where Docker and Podman keep logins.
        transport: How to reach registries.
        mirrors: Servers to try before their registry.
        jobs: How many blobs are downloaded at once.
        offline: Use only what the cache has.
        report: Called by downloading threads with (blob, number of its bytes that are here).

    Raises:
        PullError: The image can't be pulled; see `pull.errors`.
        OSError: The cache can't be written.
    """
    parsed = parse_reference(reference)
    wanted = Platform.parse(platform) if isinstance(platform, str) else platform or host()
    directory = cache_dir or default_cache_dir()
    with ExitStack() as stack:
        if isinstance(parsed, Reference):
            from pull.fetch.blobs import CachedBlobs  # noqa: PLC0415  # local images need none

            # offline, nothing is made: who misspelt a directory shall hear that it is not there
            is_named = cache_dir is not None or named_cache_dir() is not None
            cache = Cache(directory, make=not offline, must_exist=offline and is_named)
            find = credentials or _find_in_files
            source: Source = _open_registry(parsed, find, transport, mirrors)
            stack.callback(source.close)
            documents = Documents(parsed, source, cache=cache, offline=offline)
            selection = select(documents, str(parsed), wanted)
            layers = selection.manifest.layers
            blobs: Blobs = CachedBlobs(
                source, cache, layers, jobs=jobs, offline=offline, report=report
            )
        else:
            from pull.local.oci_layout import LocalBlobs  # noqa: PLC0415  # a registry needs none

            local = _open_local(parsed, directory, wanted)
            stack.callback(local.close)
            documents = Documents(parsed, local, cache=None, offline=False)
            selection = select(documents, str(parsed), wanted)
            blobs = LocalBlobs(local)
        stack.pop_all()
    is_local = isinstance(parsed, LocalReference)
    return _image(str(parsed), selection, blobs, is_local=is_local)


def _image(name: str, selection: Selection, blobs: Blobs, *, is_local: bool) -> PulledImage:
    descriptors = selection.manifest.layers
    diff_ids = selection.config.diff_ids or (None,) * len(descriptors)
    return PulledImage(
        reference=name,
        digest=str(selection.document.digest),
        platform=selection.platform,
        config=selection.config,
        layers=tuple(
            Layer(descriptor, diff_id, blobs)
            for descriptor, diff_id in zip(descriptors, diff_ids, strict=True)
        ),
        platforms=selection.available,
        is_local=is_local,
        _blobs=blobs,
    )


def _find_in_files(registry: str, repository: str) -> Credentials | None:
    from pull.registry.credentials import find_credentials  # noqa: PLC0415  # rarely asked for

    return find_credentials(registry, repository, environment=os.environ)


def _open_registry(
    reference: Reference,
    find: FindCredentials,
    transport: TransportOptions | None,
    mirrors: Sequence[Mirror],
) -> Source:
    # requests takes a while to import: not for --help, nor for local sources
    from pull.registry.client import Registry  # noqa: PLC0415
    from pull.registry.options import TransportOptions  # noqa: PLC0415
    from pull.registry.transport import Transport  # noqa: PLC0415

    return Registry(
        reference,
        Transport(transport or TransportOptions()),
        find_credentials=find,
        mirrors=mirrors,
    )


def _open_local(
    reference: LocalReference, cache_dir: Path, wanted: Platform
) -> OciLayout | DockerArchive:
    from pull.local.oci_layout import DirectoryFiles, OciLayout  # noqa: PLC0415  # as above

    if reference.kind == "oci":
        return OciLayout(reference, DirectoryFiles(Path(reference.path)), wanted)
    # nor does a directory wait for tarfile
    from pull.local.archive_files import open_archive  # noqa: PLC0415
    from pull.local.docker_archive import DockerArchive  # noqa: PLC0415
    from pull.process.stdin import standard_input  # noqa: PLC0415

    stdin = standard_input() if reference.kind == "-" else None
    files = open_archive(reference.path, cache_dir / "partial", stdin)
    try:
        if reference.kind == "docker-archive" or (stdin and "index.json" not in files):
            return DockerArchive(reference, files)
        return OciLayout(reference, files, wanted)
    except PullError:
        files.close()
        raise
