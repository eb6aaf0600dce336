"""One conversion, from a reference to a filesystem: what the command does, for programs.

    import pull

    made = pull.convert("debian:12", "rootfs.ext4", filesystem=pull.FilesystemOptions(label="root"))
    print(made.digest, made.written.size_bytes)

Downloads begin before `flatten` and `pyext4` are imported, so that they overlap.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pull.command.progress import Progress, Silence
from pull.command.request import (
    DEFAULT_JOBS,
    STANDARD_OUTPUT,
    ExportOptions,
    FilesystemOptions,
    Job,
    LayerOptions,
    VerityRequest,
)
from pull.errors import CancelledError
from pull.guest.options import BootOptions
from pull.process.cancel import Cancel
from pull.pulling import pull
from pull.registry.credentials import FindCredentials
from pull.registry.options import Mirror, TransportOptions
from pull.spec.platforms import Platform
from pyext4.errors import Ext4Error
from pyext4.failure import PackageError

if TYPE_CHECKING:
    from flatten.host_layers import Addition
    from flatten.layer import Layer
    from pyext4 import Written

__all__ = ["Converted", "convert"]


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
    boots: str | None
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
    additions: Sequence[Addition | Path] = (),
    limits: Mapping[str, int] | None = None,
    strict: bool = False,
    filesystem: FilesystemOptions | None = None,
    verity: VerityRequest | None = None,
    boot: BootOptions | None = None,
    exports: ExportOptions | None = None,
    source_date_epoch: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
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
        additions: Files, directories and tars of this machine to put on top, in this order.
        limits: What no layer may exceed, by the names of `flatten.Limits`.
        strict: Fail if something would be left out because Linux can't hold it.
        filesystem: How to make it.
        verity: Append hashes for dm-verity.
        boot: What a machine runs from it.
        exports: Other outputs of the merged tree.
        source_date_epoch: The time of the filesystem itself, and the latest of what is added, in
            seconds since 1970; None: the image's own time.
        progress: Called with the progress, from any thread.
        cancel: Ends the conversion when its `cancel` is called in another thread.

    Raises:
        PullError: The image can't be pulled; `CancelledError` if it was cancelled.
        FlattenError: Its layers can't be merged.
        Ext4Error: The filesystem can't be written with these options.
        OSError: A file can't be read or written.

        Whatever is raised, `path` is unchanged. The first three are `PackageError`s.
    """
    cancel = cancel or Cancel()
    progress = progress or Silence()
    clock = _Clock()
    job = Job(
        path=None if path is None else Path(path),
        layers=LayerOptions(additions=tuple(additions), limits=limits or {}, strict=strict),
        filesystem=filesystem or FilesystemOptions(),
        verity=verity,
        boot=boot or BootOptions(),
        exports=exports or ExportOptions(),
        source_date_epoch=source_date_epoch,
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
            report=progress.downloaded,
        ) as image:
            cancel.aborts(image)
            cancel.check(reference)
            image.start()
            clock.ends("find")
            from pull.command.convert import convert_image  # noqa: PLC0415  # slow; see above

            converted = convert_image(image, added, job, progress, cancel)
            clock.ends("convert")
            # the image is published: too late to cancel; what is being synced stays for next time
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
        boots=converted.boots,
        seconds=clock.seconds,
    )


def _added_layers(job: Job) -> Sequence[Layer]:
    if not job.layers.additions:
        return ()
    # before the pull: a missing file should be reported without waiting for a registry
    from flatten.host_layers import Addition, added_layer, tar_layer  # noqa: PLC0415  # slow

    latest = job.source_date_epoch
    return [
        added_layer(each, latest=latest) if isinstance(each, Addition) else tar_layer(each)
        for each in job.layers.additions
    ]


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
