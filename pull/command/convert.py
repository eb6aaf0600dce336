"""From layers to a filesystem and other outputs: where the three packages meet.

Slow to import: `pull.command.conversion` does it once the first layers are arriving.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import UnsupportedOperation
from typing import TYPE_CHECKING

from flatten import LeftOut, Limits, Spool, flatten
from flatten.discard import Discard
from flatten.errors import LayerError
from flatten.layer import Layer
from pull.command.exports import Exports
from pull.command.filesystem_identity import filesystem_time, options_for
from pull.command.progress import Progress
from pull.command.request import Job
from pull.errors import RestartedError
from pull.guest.options import BootOptions
from pull.guest.own_init import how_it_boots
from pull.image import PulledImage
from pull.process.cancel import Cancel
from pyext4 import Ext4Writer, Written
from pyext4.content import ContentStore
from pyext4.tree import Tree

if TYPE_CHECKING:
    from pull.guest.kernel.files import KernelFiles
    from pull.guest.prepare import Guest

__all__ = ["Made", "convert_image"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made from an image's layers; see `pull.command.conversion.Converted`."""

    written: Written | None
    kernel_arguments: str | None
    left_out: Mapping[tuple[str, str], int]
    boots: str | None


def convert_image(
    image: PulledImage, added: Sequence[Layer], job: Job, progress: Progress, cancel: Cancel
) -> Made:
    """Write an image's layers, and those added to them, as the job asks.

    In canonical order, file contents wait in a temporary file until all names are known.

    A damaged blob in the cache shows up as a layer that can't be decompressed or parsed, or has
    another diff_id. Only then are compressed bytes hashed again, to tell the cache's fault from the
    image's, and the conversion is done once more.
    """
    attempt = _Attempt(image, [*image.layers, *added], job, progress, cancel)
    try:
        return attempt.run()
    except RestartedError:
        pass
    except LayerError as error:
        of_image = error.digest in {layer.digest for layer in image.layers}
        if not of_image or not image.repair(error.digest):
            raise
    return attempt.run()


class _Attempt:
    """One pass through all layers, which can be repeated from the beginning."""

    def __init__(
        self,
        image: PulledImage,
        layers: Sequence[Layer],
        job: Job,
        progress: Progress,
        cancel: Cancel,
    ) -> None:
        self._image = image
        self._layers = layers
        self._job = job
        self._progress = progress
        self._cancel = cancel
        self._limits = Limits(**job.layers.limits)
        self._left_out = LeftOut()

    def run(self) -> Made:
        job = self._job
        with Exports(job.exports) as exports, _kernel_files(job.boot) as kernel:
            if job.path is None:
                tree, _ = self._merge_for_exports(exports)
                written, boots = None, None
                self._export(tree, exports, kernel)
            else:
                options, onto = options_for(job, self._image), job.filesystem.onto
                with Ext4Writer(job.path, options, onto=onto) as writer:
                    tree, guest = self._merge(None if job.filesystem.canonical else writer.store)
                    boots = (guest and guest.runs) or how_it_boots(tree)
                    self._export(tree, exports, kernel)
                    written = writer.commit(tree)
            exports.publish()
            if kernel is not None:
                kernel.publish()
        return Made(
            written=written,
            kernel_arguments=_kernel_arguments(job, written),
            left_out=self._left_out.counts,
            boots=boots,
        )

    def _merge_for_exports(self, exports: Exports) -> tuple[Tree, Guest | None]:
        boot = self._job.boot
        needed = exports.need_contents or boot.adds_a_layer or boot.copies_kernel
        try:
            return self._merge(Spool() if needed else Discard())
        except UnsupportedOperation:  # an ACL has names, which are in the image's /etc
            return self._merge(Spool())

    def _merge(self, store: ContentStore | None) -> tuple[Tree, Guest | None]:
        tree = flatten(
            self._layers,
            into=store,
            limits=self._limits,
            progress=self._applied,
            workers=_workers(),
            left_out=self._left_out,
            strict=self._job.layers.strict,
        )
        self._image.check()
        boot = self._job.boot
        if not boot.adds_a_layer:
            return tree, None
        from pull.guest.prepare import apply_guest  # noqa: PLC0415  # not for images without --boot

        time = filesystem_time(self._image.config.created, self._job.source_date_epoch)
        return tree, apply_guest(
            tree, self._image, boot, into=store, timestamp=time, limits=self._limits
        )

    def _export(self, tree: Tree, exports: Exports, kernel: KernelFiles | None) -> None:
        exports.write(tree)
        if kernel is not None:
            kernel.write(tree)
        self._cancel.check(self._image.reference)

    def _applied(self, number: int, compressed_bytes: int, tar_bytes: int) -> None:
        del tar_bytes
        self._cancel.check(self._image.reference)
        if number < len(self._image.layers):
            layer = self._image.layers[number]
            self._progress.converted(layer.digest, layer.size, compressed_bytes)


def _kernel_files(asked: BootOptions) -> AbstractContextManager[KernelFiles | None]:
    if not asked.copies_kernel:
        return nullcontext()
    from pull.guest.kernel.files import KernelFiles  # noqa: PLC0415  # rarely needed

    return KernelFiles(asked.kernel_out, asked.initrd_out, unpack=asked.unpack_kernel)


def _kernel_arguments(job: Job, written: Written | None) -> str | None:
    if job.verity is None or written is None or written.verity is None:
        return None
    from pyext4.verity import kernel_arguments  # noqa: PLC0415  # rarely needed

    return kernel_arguments(written.verity, job.verity.device)


def _workers() -> int:
    """Return how many layers to decompress at once: more than four outrun the placing thread."""
    return min(max(len(os.sched_getaffinity(0)), 2), 4)
