"""From layers to a filesystem and other outputs: where the three packages meet.

Slow to import: `pull.command.conversion` does it once the first layers are arriving.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import UnsupportedOperation
from typing import TYPE_CHECKING, NamedTuple

from flatten import NOTHING_APPLIED, Applied, LeftOut, Limits, Spool, flatten
from flatten.errors import LayerError
from flatten.layer import Layer
from pull.command.exports import Exports
from pull.command.filesystem_identity import filesystem_time, options_for
from pull.command.progress import DetailedProgress
from pull.command.request import Job
from pull.errors import RestartedError
from pull.guest.options import BootOptions
from pull.guest.own_init import how_it_boots
from pull.image import PulledImage
from pull.process.cancel import Cancel
from pyext4 import Ext4Writer, Written
from pyext4.content import ContentStore
from pyext4.errors import DoesNotFitError
from pyext4.tree import Tree

if TYPE_CHECKING:
    from flatten.text_layer import Text
    from pull.command.reuse import Reuse
    from pull.guest.kernel.files import KernelFiles
    from pull.guest.prepare import Guest
    from pull.report.ledger import Ledger
    from pull.report.sizes import Sizes

__all__ = ["Made", "convert_image"]


class Made(NamedTuple):
    """What was made from an image's layers; see `pull.command.conversion.Converted`."""

    written: Written | None
    kernel_arguments: str | None
    left_out: Mapping[tuple[str, str], int]
    changed: Mapping[str, int]
    sizes: Sizes | None
    boots: str | None
    differences: int | None
    reused: int
    kept: int
    dropped: int
    shared_bytes: int


def convert_image(
    image: PulledImage,
    added: Sequence[Layer | Text],
    job: Job,
    progress: DetailedProgress,
    cancel: Cancel,
    *,
    is_arriving: bool,
) -> Made:
    """Write an image's layers, and those added to them, as the job asks.

    While layers are arriving, a size that is too small is an error as soon as that is certain. If
    they are all here, the error comes at the end and names the size that is enough.

    In canonical order, file contents wait in a temporary file until all names are known.

    A damaged blob in the cache shows up as a layer that can't be decompressed or parsed, or has
    another diff_id. Only then are compressed bytes hashed again, to tell the cache's fault from the
    image's, and the conversion is done once more.
    """
    layers = [*image.layers, *_on_top(image, added, job)]
    attempt = _Attempt(image, layers, job, progress, cancel, is_arriving=is_arriving)
    try:
        return attempt.run()
    except RestartedError:
        pass
    except LayerError as error:
        of_image = error.digest in {layer.digest for layer in image.layers}
        if not of_image or not image.repair(error.digest):
            raise
    progress.began("convert")
    return attempt.run()


def _on_top(image: PulledImage, added: Sequence[Layer | Text], job: Job) -> Sequence[Layer]:
    if not added:
        return ()
    from flatten.text_layer import Text, text_layer  # noqa: PLC0415  # not for unchanged images

    time_ns = filesystem_time(image.config.created, job.source_date_epoch) * 1_000_000_000
    return [text_layer(each, time_ns=time_ns) if isinstance(each, Text) else each for each in added]


class _Attempt:
    """One pass through all layers, which can be repeated from the beginning."""

    def __init__(
        self,
        image: PulledImage,
        layers: Sequence[Layer],
        job: Job,
        progress: DetailedProgress,
        cancel: Cancel,
        *,
        is_arriving: bool,
    ) -> None:
        self._image = image
        self._layers = layers
        self._job = job
        self._reuse: Reuse | None = None
        self._began = 0  # layers whose state was there
        self._progress = progress
        self._cancel = cancel
        self._limits = Limits(**job.layers.limits)
        self._left_out = LeftOut()
        self._is_arriving = is_arriving
        self._writer: Ext4Writer | None = None  # to be asked early whether all fits
        self._changed: dict[str, int] = {}
        self._ledger: Ledger | None = None
        self._sizes: Sizes | None = None

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
                    if self._is_arriving and not job.changes.exclude:
                        writer.check_size()
                        self._writer = writer
                    self._reuse = self._reuse_for(writer)
                    tree, guest = self._merge(None if job.places_late else writer.store)
                    boots = (guest and guest.runs) or how_it_boots(tree)
                    self._export(tree, exports, kernel)
                    self._with_lost_and_found(tree)
                    self._progress.began("write")
                    written = writer.commit(tree, cancelled=self._is_cancelled)
            exports.publish()
            if kernel is not None:
                kernel.publish()
        return Made(
            written=written,
            kernel_arguments=_kernel_arguments(job, written),
            left_out=self._left_out.counts,
            changed=self._changed,
            sizes=self._sizes,
            boots=boots,
            differences=exports.differences,
            reused=self._began,
            kept=self._reuse.kept if self._reuse else 0,
            dropped=self._reuse.dropped if self._reuse else 0,
            shared_bytes=self._reuse.shared_bytes(written.path) if self._reuse and written else 0,
        )

    def _merge_for_exports(self, exports: Exports) -> tuple[Tree, Guest | None]:
        from flatten.discard import Discard  # noqa: PLC0415  # not for filesystems

        boot = self._job.boot
        needed = exports.need_contents or boot.adds_a_layer or boot.copies_kernel
        try:
            return self._merge(Spool() if needed else Discard())
        except UnsupportedOperation:  # an ACL has names, which are in the image's /etc
            return self._merge(Spool())

    def _merge(self, store: ContentStore | None) -> tuple[Tree, Guest | None]:
        store = self._noted(store)
        self._changed = {}
        if self._job.changes.exclude:
            store = store or Spool()  # one for both calls
            tree = self._excluded(store)
        else:
            tree = self._flatten(self._layers, store, onto=None, left_out=self._left_out)
            self._image.check()
        guest = self._guest(tree, store)
        self._change(tree)
        return tree, guest

    def _flatten(
        self,
        layers: Sequence[Layer],
        store: ContentStore | None,
        *,
        onto: Tree | None,
        left_out: LeftOut,
    ) -> Tree:
        first = 0 if onto is None else len(self._image.layers)
        ledger = self._ledger
        tree, applied = (onto, NOTHING_APPLIED) if onto is not None else self._begin()
        layers = layers[applied.layers :]
        return flatten(
            layers,
            into=store,
            onto=tree,
            applied=applied,
            after_layer=self._reuse.after_layer if self._reuse and onto is None else None,
            limits=self._limits,
            progress=self._applied if onto is None else self._added,
            workers=_workers(),
            left_out=left_out,
            strict=self._job.layers.strict,
            on_layer=None if ledger is None else lambda number: ledger.begin(first + number),
        )

    def _excluded(self, store: ContentStore) -> Tree:
        """Merge the image's layers, leave out what is to go, and put on top what is added."""
        from pull.changes.apply import leave_out  # noqa: PLC0415  # not for unchanged images

        count = len(self._image.layers)
        tree = self._flatten(self._layers[:count], store, onto=None, left_out=self._left_out)
        self._image.check()
        self._changed |= leave_out(tree, self._job.changes)
        if added := self._layers[count:]:
            on_top = LeftOut()
            self._flatten(added, store, onto=tree, left_out=on_top)
            self._left_out.add(tuple(on_top.counts.items()))
        return tree

    def _guest(self, tree: Tree, store: ContentStore | None) -> Guest | None:
        boot = self._job.boot
        if not boot.adds_a_layer:
            return None
        from pull.guest.prepare import apply_guest  # noqa: PLC0415  # not for images without --boot

        if self._ledger is not None:
            self._ledger.begin(len(self._layers))
        time = self._time()
        return apply_guest(tree, self._image, boot, into=store, timestamp=time, limits=self._limits)

    def _change(self, tree: Tree) -> None:
        """Change what needs the whole tree, and look where the bytes are."""
        job = self._job
        if job.changes_the_image:
            from flatten.text_layer import Text  # noqa: PLC0415  # as above
            from pull.changes.apply import TEXTS, change_all  # noqa: PLC0415

            self._changed |= change_all(tree, job.changes, latest=job.source_date_epoch)
            if texts := sum(isinstance(each, Text) for each in job.layers.additions):
                self._changed[TEXTS] = texts
        if self._ledger is not None:
            from pull.report.sizes import measure_sizes  # noqa: PLC0415  # only who asks for it

            names = [layer.digest for layer in self._layers]
            if job.boot.adds_a_layer:
                names.append("--boot")
            self._sizes = measure_sizes(tree, names, self._ledger)

    def _noted(self, store: ContentStore | None) -> ContentStore | None:
        """Let it be noted who brought which bytes, where somebody asks."""
        if not self._job.measures_sizes:
            return store
        from pull.report.ledger import Ledger  # noqa: PLC0415  # as above

        self._ledger = Ledger(store or Spool(), self._job.filesystem.block_size_bytes)
        return self._ledger

    def _with_lost_and_found(self, tree: Tree) -> None:
        if self._job.changes.owners:
            from pull.changes.apply import with_lost_and_found  # noqa: PLC0415  # as above

            with_lost_and_found(tree, self._job.changes, time=self._time())

    def _time(self) -> int:
        return filesystem_time(self._image.config.created, self._job.source_date_epoch)

    def _reuse_for(self, writer: Ext4Writer) -> Reuse | None:
        if self._job.cache is None or not writer.placement:
            return None
        from pull.cache.checkpoints import Checkpoints  # noqa: PLC0415  # not for --reuse never
        from pull.command.reuse import Reuse  # noqa: PLC0415

        keep = self._job.reuse == "always"
        return Reuse(Checkpoints(self._job.cache), self._image.layers, writer, keep=keep)

    def _begin(self) -> tuple[Tree | None, Applied]:
        """Begin with a state of the lowest layers, if there is one."""
        started = self._reuse.begin() if self._reuse else None
        tree, applied = started or (None, NOTHING_APPLIED)
        self._began = applied.layers
        self._image.start(above=self._began)  # what did not turn out to be needless
        for layer in self._image.layers[: self._began]:
            self._progress.converted(layer.digest, layer.size, layer.size)
        return tree, applied

    def _export(self, tree: Tree, exports: Exports, kernel: KernelFiles | None) -> None:
        if self._job.exports.any or kernel is not None:
            self._progress.began("print" if self._job.exports.on_standard_output else "export")
        exports.write(tree, self._sizes)
        if kernel is not None:
            kernel.write(tree)
        self._cancel.check(self._image.reference)

    def _applied(self, number: int, compressed_bytes: int, tar_bytes: int) -> None:
        del tar_bytes
        self._cancel.check(self._image.reference)
        if self._writer is not None:
            self._stop_if_too_large(self._writer)
        self._progress.applied(self._began + number, compressed_bytes)
        if self._began + number < len(self._image.layers):
            layer = self._image.layers[self._began + number]
            self._progress.converted(layer.digest, layer.size, compressed_bytes)

    def _stop_if_too_large(self, writer: Ext4Writer) -> None:
        try:
            writer.check_so_far()
        except DoesNotFitError:
            self._image.abort()  # or threads would wait for layers that nobody wants any more
            raise

    def _is_cancelled(self) -> bool:
        self._cancel.check(self._image.reference)  # raises, with the image's name
        return False

    def _added(self, number: int, compressed_bytes: int, tar_bytes: int) -> None:
        del number, compressed_bytes, tar_bytes
        self._cancel.check(self._image.reference)


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
