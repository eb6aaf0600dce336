"""One conversion, from a reference to a filesystem: what the command does, for programs.

    import pull

    made = pull.convert("debian:12", "rootfs.ext4", filesystem=pull.FilesystemOptions(label="root"))
    print(made.digest, made.written.size_bytes)

Downloads begin before `flatten` and `pyext4` are imported, so that they overlap.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pull.cache import Cache, default_cache_dir
from pull.changes.options import ChangeOptions
from pull.command.progress import Progress, detailed
from pull.command.request import (
    DEFAULT_JOBS,
    STANDARD_OUTPUT,
    ExportOptions,
    FilesystemOptions,
    Job,
    LayerOptions,
    ReuseMode,
    VerityRequest,
)
from pull.errors import CancelledError, PullError
from pull.guest.options import BootOptions
from pull.image import PulledImage
from pull.outlook import doubts
from pull.process.cancel import Cancel
from pull.pulling import pull
from pull.spec.chain import chain_ids
from pull.spec.platforms import Platform
from pyext4.errors import Ext4Error
from pyext4.failure import PackageError

if TYPE_CHECKING:
    from flatten.host_layers import Addition
    from flatten.layer import Layer
    from flatten.text_layer import Text
    from pull.registry.credentials import FindCredentials
    from pull.registry.options import Mirror, TransportOptions
    from pull.report.sizes import Sizes
    from pyext4 import OwnerRange, Written

__all__ = ["Converted", "ImageLayer", "convert"]


class ImageLayer(NamedTuple):
    """A layer as the image describes it."""

    digest: str  # of the compressed blob
    diff_id: str | None  # of the tar in it; None: the config does not say
    size_bytes: int  # compressed
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a conversion made.

    Attributes:
        reference: the image's, in full.
        digest: of the manifest for the platform.
        layers: how many were applied, including added ones.
        written: the filesystem; None if not asked for. `written.verity` has the root hash.
        kernel_arguments: the kernel's command line for the root under dm-verity; None without.
        exports: the file of each export, by its kind: `tar`, `mtree`.
        left_out: counts of things left out, by kind: `("attribute", "com.apple.*")`.
        boots: what a machine starts from it; None if not checked.
        image_config: the image's config as it is, parsed: architecture, created, and what to run.
        image_layers: the image's own layers, oldest first.
        changed: counts of requested changes: `excluded` names, `mapped` and `clamped` inodes,
            `texts`.
        sizes: where the bytes are; None if not asked for.
        differences: how many paths differ from the image of `exports.diff`; None without.
        reused: how many of its lowest layers came from a state in the cache, without decoding.
        kept: how many new states are in the cache now.
        dropped: how many states were damaged, and were removed.
        shared_bytes: of the image, blocks that states or other images have too (XFS, btrfs).
        seconds: duration of each phase, in order; they don't overlap.
    """

    reference: str
    digest: str
    platform: Platform
    layers: int
    written: Written | None
    kernel_arguments: str | None
    exports: Mapping[str, str]
    left_out: Mapping[tuple[str, str], int]
    changed: Mapping[str, int]
    sizes: Sizes | None
    boots: str | None
    image_config: Mapping[str, object]
    image_layers: Sequence[ImageLayer]
    differences: int | None
    reused: int
    kept: int
    dropped: int
    shared_bytes: int
    seconds: Mapping[str, float] = field(compare=False)


def convert(
    reference: str,
    path: Path | str | None,
    *,
    platform: str | Platform | None = None,
    cache_dir: Path | None = None,
    offline: bool = False,
    credentials: FindCredentials | None = None,
    transport: TransportOptions | None = None,
    mirrors: Sequence[Mirror] = (),
    jobs: int = DEFAULT_JOBS,
    additions: Sequence[Addition | Text | Path] = (),
    add_text: Mapping[str, str | bytes] | None = None,
    exclude: Sequence[str] = (),
    map_owner: Sequence[OwnerRange] = (),
    clamp_mtime: bool = False,
    limits: Mapping[str, int] | None = None,
    strict: bool = False,
    filesystem: FilesystemOptions | None = None,
    verity: VerityRequest | None = None,
    boot: BootOptions | None = None,
    exports: ExportOptions | None = None,
    size_report: bool = False,
    source_date_epoch: int | None = None,
    reuse: ReuseMode = "auto",
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    note: Callable[[str], None] | None = None,
) -> Converted:
    """Pull an image and write it as an ext4 filesystem; return what was made.

    Prints nothing, except for an export to standard output. The environment only decides where the
    cache and the logins are, unless `cache_dir` and `credentials` say so.

    Args:
        reference: What to pull; see `pull.pull`.
        path: The filesystem image to write, a qcow2 image with `filesystem.onto`; None if the
            exports are enough.
        platform: See `pull.pull`.
        cache_dir: See there.
        offline: See there.
        credentials: See there.
        transport: See there.
        mirrors: See there.
        jobs: See there.
        additions: Files, directories and tars of this machine to put on top, in this order; texts.
        add_text: More texts, by the paths of their files; on top of `additions`.
        exclude: Patterns of gitignore(5), relative to the image's root: what they match in its
            layers is left out, before anything is put on top.
        map_owner: Ranges that shift all owners and groups; see `pyext4.map_owners`.
        clamp_mtime: Lower all times after `source_date_epoch` to it.
        limits: What no layer may exceed, by the names of `flatten.Limits`.
        strict: Fail if something would be left out because Linux can't hold it.
        filesystem: How to make it.
        verity: Append hashes for dm-verity.
        boot: What a machine runs from it.
        exports: Other outputs of the merged tree.
        size_report: Find out where the bytes are, by layer and by directory.
        source_date_epoch: The time of the filesystem itself, and the latest of what is added, in
            seconds since 1970; None: the image's own time.
        progress: Called with the progress, from any thread; more calls if it is a
            `DetailedProgress`.
        cancel: Ends the conversion when its `cancel` is called in another thread: in asyncio, run
            `convert` by `asyncio.to_thread`, and call it when the task is cancelled.
        note: Called with a line for each thing that is likely to fail, before layers arrive.
        reuse: Start from a state of these layers in the cache, and keep one for the next time:
            `auto` if that is free or the layers were seen before, `always`, or `never`.

    Raises:
        PullError: The image can't be pulled; `CancelledError` if it was cancelled.
        FlattenError: Its layers can't be merged.
        Ext4Error: The filesystem can't be written with these options.
        OSError: A file can't be read or written.

        Whatever is raised, `path` is unchanged. The first three are `PackageError`s.
    """
    cancel = cancel or Cancel()
    told = detailed(progress)
    clock = _Clock()
    job = Job(
        path=None if path is None else Path(path),
        layers=LayerOptions(
            additions=(*additions, *_texts(add_text)), limits=limits or {}, strict=strict
        ),
        filesystem=filesystem or FilesystemOptions(),
        verity=verity,
        boot=boot or BootOptions(),
        exports=exports or ExportOptions(),
        source_date_epoch=source_date_epoch,
        changes=_changes(exclude, map_owner, source_date_epoch, clamp_mtime=clamp_mtime),
        measures=size_report,
        reuse=reuse,
        cache=None,
    )
    try:
        cancel.check(reference)
        _check_device(job.verity)
        _check_base(job)
        added = _added_layers(job)
        with pull(
            reference,
            cache_dir=cache_dir,
            platform=platform,
            credentials=credentials,
            transport=transport,
            mirrors=mirrors,
            jobs=jobs,
            offline=offline,
            report=told.downloaded,
        ) as image:
            cancel.aborts(image)
            cancel.check(reference)
            job = job._replace(cache=_cache_of_states(job, cache_dir))
            likely_begun = _likely_begun(job.cache, image)
            missing_bytes = image.missing_bytes(above=likely_begun)
            if note is not None:
                _say_doubts(image, job, cache_dir or default_cache_dir(), missing_bytes, note)
            told.found(image)
            image.start(above=likely_begun)
            told.began("convert")
            clock.ends("find")
            from pull.command.convert import convert_image  # noqa: PLC0415  # slow; see above

            converted = convert_image(
                image, added, job, told, cancel, is_arriving=missing_bytes > 0
            )
            clock.ends("convert")
            # the image is published: too late to cancel; what is being synced stays for next time
            told.began("cache")
            with suppress(CancelledError):
                image.fetch()
            clock.ends("cache")
    except (PackageError, OSError) as error:
        if not isinstance(error, CancelledError):
            cancel.check(reference)  # whatever error the work ended with
        raise
    return Converted(
        reference=image.reference,
        digest=image.digest,
        platform=image.platform,
        layers=len(image.layers) + len(added),
        written=converted.written,
        kernel_arguments=converted.kernel_arguments,
        exports=job.exports.files(),
        left_out=converted.left_out,
        changed=converted.changed,
        sizes=converted.sizes,
        boots=converted.boots,
        image_config=image.config_json(),
        image_layers=tuple(
            ImageLayer(layer.digest, layer.diff_id, layer.size, layer.media_type)
            for layer in image.layers
        ),
        differences=converted.differences,
        reused=converted.reused,
        kept=converted.kept,
        dropped=converted.dropped,
        shared_bytes=converted.shared_bytes,
        seconds=clock.seconds,
    )


def _texts(texts: Mapping[str, str | bytes] | None) -> list[Text]:
    if not texts:
        return []
    from flatten.text_layer import Text  # noqa: PLC0415  # slow

    return [
        Text(image=os.fsencode(path), content=os.fsencode(content))
        for path, content in texts.items()
    ]


def _changes(
    exclude: Sequence[str],
    owners: Sequence[OwnerRange],
    source_date_epoch: int | None,
    *,
    clamp_mtime: bool,
) -> ChangeOptions:
    """Return what is asked for; refuse what makes no sense, before anything is pulled.

    Raises:
        TypeError: one text instead of patterns.
        OptionsError: a pattern, a range, or no time to clamp to.
    """
    if not (exclude or owners or clamp_mtime):
        return ChangeOptions()
    from pyext4.editing.exclude import check_patterns  # noqa: PLC0415  # slow, and rarely needed
    from pyext4.editing.owners import check_ranges  # noqa: PLC0415
    from pyext4.errors import OptionsError  # noqa: PLC0415

    check_patterns(exclude)
    check_ranges(owners)
    if clamp_mtime and source_date_epoch is None:
        raise OptionsError("clamp_mtime", "needs source_date_epoch, the latest time that is left")
    return ChangeOptions(tuple(exclude), tuple(owners), clamp_mtime)


def _cache_of_states(job: Job, cache_dir: Path | None) -> Cache | None:
    """Return the cache if the job can make use of states of layers."""
    other_places = job.places_late or job.path is None
    if job.reuse == "never" or other_places or job.layers.limits or job.measures_sizes:
        return None
    try:
        return Cache(cache_dir or default_cache_dir())
    except (PullError, OSError):
        return None  # an image in a layout needs none


def _likely_begun(cache: Cache | None, image: PulledImage) -> int:
    """Return how many of the lowest layers are likely not needed: a look at names, no more."""
    if cache is None:
        return 0
    return cache.checkpointed(list(chain_ids(layer.diff_id for layer in image.layers)))


def _added_layers(job: Job) -> Sequence[Layer | Text]:
    if not job.layers.additions:
        return ()
    # before the pull: a missing file should be reported without waiting for a registry
    from flatten.host_layers import Addition, added_layer, tar_layer  # noqa: PLC0415  # slow

    latest = job.source_date_epoch
    layers: list[Layer | Text] = []
    for each in job.layers.additions:
        if isinstance(each, Addition):
            layers.append(added_layer(each, latest=latest))
        else:  # a text's time may be the image's
            layers.append(tar_layer(each) if isinstance(each, Path) else each)
    return layers


def _say_doubts(
    image: PulledImage, job: Job, cache_dir: Path, missing_bytes: int, note: Callable[[str], None]
) -> None:
    size = job.filesystem.size_bytes
    for line in doubts(
        image, path=job.path, size_bytes=size, cache_dir=cache_dir, missing_bytes=missing_bytes
    ):
        note(line)


def _check_device(verity: VerityRequest | None) -> None:
    if verity is not None:
        from pyext4.verity.kernel import check_device  # noqa: PLC0415  # slow, and rarely needed

        check_device(verity.device)


def _check_base(job: Job) -> None:
    base = job.filesystem.onto
    if base is None:
        return
    from pyext4.errors import OptionsError  # noqa: PLC0415  # rarely needed, as the others
    from pyext4.qcow2.backing import check_base  # noqa: PLC0415
    from pyext4.reader import open_ext4  # noqa: PLC0415  # slow

    exports = (job.exports.tar, job.exports.mtree, job.boot.kernel_out, job.boot.initrd_out)
    outputs = [job.path, *(Path(name) for name in exports if name and name != STANDARD_OUTPUT)]
    if job.path is None:
        raise OptionsError("base", f"needs an output for what differs from it: {base}")
    check_base(base, [path for path in outputs if path is not None])
    try:
        open_ext4(base).close()
    except Ext4Error as error:
        raise OptionsError("base", f"is not a readable ext4 image: {base}: {error}") from error


class _Clock:
    """Seconds of each phase, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def ends(self, phase: str) -> None:
        """Record that a phase ends now and the next begins."""
        now = time.perf_counter()
        self.seconds[phase] = round(now - self._last, 3)
        self._last = now
