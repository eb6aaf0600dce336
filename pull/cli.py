"""The command: the one place that joins `pull`, `flatten` and `pyext4`.

Whatever is slow to import is imported when the command line has turned out right, and the other two
packages when the first layers are on their way.
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import os
import sys
import time
import traceback
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pull.arguments import parse_arguments
from pull.errors import PullError, RestartedError
from pull.exports import Exports
from pull.filesystem import filesystem_options
from pull.interruption import SIGNALS, Interruption, SignalledError, interruptible

if TYPE_CHECKING:
    from flatten.limits import Limits
    from flatten.source import Layer
    from pull.credentials import FindCredentials
    from pull.guest.kernel import KernelFiles
    from pull.guest.options import BootOptions
    from pull.guest.prepare import Guest
    from pull.image import PulledImage
    from pull.progress import Progress
    from pull.summary import Filesystem, Summary
    from pyext4 import Written
    from pyext4.content import ContentStore
    from pyext4.tree import Tree

__all__ = ["convert", "main"]

_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parsed = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        with interruptible() as interruption:
            _run(parsed, interruption)
    except SignalledError as error:
        _complain(SIGNALS[error.number])
        return 128 + error.number
    except _errors_of_images() as error:
        message = str(error)
        # a URL or a digest alone does not tell which of a script's images it was
        where = "" if parsed.reference in message else f"{parsed.reference}: "
        return _fail(f"{where}{message}", debug=parsed.debug)
    except _errors_of_filesystems() as error:
        return _fail(f"{parsed.output}: {error}", debug=parsed.debug)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        path = os.fsdecode(error.filename or parsed.output or parsed.reference)
        return _fail(f"{path}: {reason}", debug=parsed.debug)
    return 0


# evaluated when there is an error: until then nobody waits for these imports


def _errors_of_images() -> tuple[type[Exception], ...]:
    from flatten.errors import FlattenError  # noqa: PLC0415  # see above

    return (PullError, FlattenError)


def _errors_of_filesystems() -> tuple[type[Exception], ...]:
    from pyext4 import Ext4Error  # noqa: PLC0415  # see above

    return (Ext4Error,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a conversion made."""

    written: Written | None  # None: no OUT.ext4 was asked for
    boots: str | None  # what a machine would start of it


def convert(
    image: PulledImage, layers: Sequence[Layer], parsed: Namespace, progress: Progress
) -> Converted:
    """Write `layers`, the image's and what is added to them, as the command line asks.

    With --canonical file
    contents wait in a temporary file until all names are known.

    A damaged blob in the cache shows as a layer that can't be decompressed or parsed, or has
    another diff_id. Only then are compressed bytes hashed again, to tell the cache's fault from the
    image's, and the conversion is done once more.
    """
    from flatten.errors import LayerError  # noqa: PLC0415  # see above

    try:
        return _convert_once(image, layers, parsed, progress)
    except RestartedError:
        pass
    except LayerError as error:
        of_image = error.digest in {layer.digest for layer in image.layers}
        if not of_image or not image.repair(error.digest):
            raise
    return _convert_once(image, layers, parsed, progress)


def _convert_once(
    image: PulledImage, layers: Sequence[Layer], parsed: Namespace, progress: Progress
) -> Converted:
    from flatten import Limits, Spool, flatten  # noqa: PLC0415  # see above
    from flatten.discard import Discard  # noqa: PLC0415
    from pull.guest.own_init import how_it_boots  # noqa: PLC0415
    from pyext4 import Ext4Writer  # noqa: PLC0415

    asked: BootOptions = parsed.guest

    def applied(number: int, compressed_bytes: int, tar_bytes: int) -> None:
        del tar_bytes
        if number < len(image.layers):
            layer = image.layers[number]
            progress.converted(layer.digest, layer.size, compressed_bytes)

    def merged(store: ContentStore | None) -> tuple[Tree, Guest | None]:
        tree = flatten(layers, into=store, limits=limits, workers=_workers(), progress=applied)
        image.check()
        return tree, _guest(tree, image, asked, store, limits)

    limits = Limits(**dict(parsed.limits))
    with Exports(parsed) as exports, _kernel_files(asked) as kernel:
        if parsed.output is None:
            needed = exports.need_contents or asked.adds_a_layer or asked.copies_kernel
            tree, _ = merged(Spool() if needed else Discard())
            exports.write(tree)
            if kernel is not None:
                kernel.write(tree)
            exports.publish()
            if kernel is not None:
                kernel.publish()
            return Converted(written=None, boots=None)
        with Ext4Writer(parsed.output, filesystem_options(parsed, image)) as writer:
            tree, made = merged(None if parsed.canonical else writer.store)
            boots = (made and made.runs) or how_it_boots(tree)
            exports.write(tree)
            if kernel is not None:
                kernel.write(tree)
            written = writer.commit(tree)
        exports.publish()
        if kernel is not None:
            kernel.publish()
        return Converted(written=written, boots=boots)


def _guest(
    tree: Tree,
    image: PulledImage,
    asked: BootOptions,
    store: ContentStore | None,
    limits: Limits,
) -> Guest | None:
    if not asked.adds_a_layer:
        return None
    from pull.guest.prepare import apply_guest  # noqa: PLC0415  # see above
    from pull.identity import filesystem_time  # noqa: PLC0415

    time = filesystem_time(image.config.created, os.environ.get("SOURCE_DATE_EPOCH"))
    return apply_guest(tree, image, asked, into=store, timestamp=time, limits=limits)


def _kernel_files(asked: BootOptions) -> AbstractContextManager[KernelFiles | None]:
    if not asked.copies_kernel:
        return nullcontext()
    from pull.guest.kernel import KernelFiles  # noqa: PLC0415  # see above

    return KernelFiles(asked.kernel_out, asked.initrd_out, unpack=asked.unpack_kernel)


def _added_layers(parsed: Namespace) -> list[Layer]:
    if not parsed.additions:
        return []
    from flatten.host import Addition, added_layer, tar_layer  # noqa: PLC0415  # see above

    return [
        added_layer(each) if isinstance(each, Addition) else tar_layer(each)
        for each in parsed.additions
    ]


def _workers() -> int:
    """Return how many layers to decompress at once: more than four outrun the one that places."""
    return min(max(len(os.sched_getaffinity(0)), 2), 4)


def _run(parsed: Namespace, interruption: Interruption) -> None:
    from pull.progress import make_progress  # noqa: PLC0415  # see above

    clock = _Clock()
    added = _added_layers(parsed)
    if parsed.inspect:
        _inspect(parsed, interruption)
        return
    with make_progress(quiet=parsed.quiet) as progress, _pull(parsed, progress) as image:
        interruption.image = image
        image.start()
        clock.ends("find")
        converted = convert(image, [*image.layers, *added], parsed, progress)
        clock.ends("convert")
        # the image is out; what is still being synced stays for the next time
        image.fetch()
        clock.ends("cache")
    summary = _summary(image, converted, parsed, clock.seconds)
    if not parsed.quiet:
        print(summary.as_text(), file=sys.stderr)
    if parsed.json:
        print(summary.as_json())


def _inspect(parsed: Namespace, interruption: Interruption) -> None:
    from pull.guest.inspection import inspect  # noqa: PLC0415  # see above
    from pull.progress import make_progress  # noqa: PLC0415

    with make_progress(quiet=True) as progress, _pull(parsed, progress) as image:
        interruption.image = image
        found = inspect(image)
    print(found.as_json() if parsed.json else found.as_text())


def _pull(parsed: Namespace, progress: Progress) -> PulledImage:
    from pull import TransportOptions, pull  # noqa: PLC0415  # see above

    transport = TransportOptions(
        plain_http=parsed.plain_http,
        insecure=parsed.insecure,
        cacert=parsed.cacert,
        read_timeout_seconds=parsed.timeout,
    )
    return pull(
        parsed.reference,
        cache_dir=parsed.cache_dir,
        platform=parsed.platform,
        credentials=_credentials(parsed),
        transport=transport,
        mirrors=parsed.mirror,
        jobs=parsed.jobs,
        offline=parsed.offline,
        report=progress.downloaded,
    )


def _credentials(parsed: Namespace) -> FindCredentials | None:
    from pull import Credentials, Reference, parse_reference  # noqa: PLC0415  # see above
    from pull.credentials import find_credentials  # noqa: PLC0415

    if parsed.anonymous:
        return lambda registry, repository: None  # noqa: ARG005  # nobody is known anywhere
    if parsed.username is None:
        return None
    password = sys.stdin.readline().rstrip("\r\n")
    given = Credentials(username=parsed.username, password=password)
    reference = parse_reference(parsed.reference)
    home = reference.registry if isinstance(reference, Reference) else ""

    def find(registry: str, repository: str) -> Credentials | None:
        # a mirror is another host and has no business with this password
        if registry == home:
            return given
        return find_credentials(registry, repository, environment=os.environ)

    return find


def _summary(
    image: PulledImage, converted: Converted, parsed: Namespace, seconds: dict[str, float]
) -> Summary:
    from pull.summary import Summary  # noqa: PLC0415  # see above

    written = converted.written
    return Summary(
        reference=image.reference,
        digest=image.digest,
        platform=str(image.platform),
        layers=len(image.layers) + len(parsed.additions),
        filesystem=None if written is None else _filesystem(written),
        exports={name: path for name in ("tar", "mtree") if (path := getattr(parsed, name))},
        boots=converted.boots,
        seconds=seconds,
    )


def _filesystem(written: Written) -> Filesystem:
    from pull.summary import Filesystem  # noqa: PLC0415  # see above

    free_bytes = written.free_blocks_count * written.block_size_bytes
    return Filesystem(
        # inodes 1 to 10 are reserved, the root directory among them, and 11 is /lost+found
        files=written.inodes_count - written.free_inodes_count - 11,
        output=str(written.path),
        size_bytes=written.size_bytes,
        used_bytes=written.blocks_count * written.block_size_bytes - free_bytes,
        free_bytes=free_bytes,
        uuid=str(written.uuid),
        label=os.fsdecode(written.label),
    )


class _Clock:
    """Seconds of each phase, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def ends(self, phase: str) -> None:
        """Note that a phase ends now and the next begins."""
        now = time.perf_counter()
        self.seconds[phase] = round(now - self._last, 3)
        self._last = now


def _fail(message: str, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    _complain(f"error: {' '.join(message.split())}")
    return _FAILED


def _complain(line: str) -> None:
    print(line, file=sys.stderr)
