"""The command: the one place that joins `pull`, `flatten` and `pyext4`.

Whatever is slow to import is imported when the command line has turned out right, and the other two
packages when the first layers are on their way.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import TYPE_CHECKING

from pull.command.arguments import parse_arguments
from pull.command.exports import Exports, to_standard_output
from pull.command.filesystem import filesystem_options
from pull.command.interruption import SIGNALS, Interruption, SignalledError, interruptible
from pull.errors import (
    PullError,
    RegistryError,
    RestartedError,
    StandardInputError,
    TransportError,
)
from pull.process.program import FAILED, clean, clean_with, complain
from pull.spec.reference import hint_for
from pull.wording import in_short

if TYPE_CHECKING:
    from flatten import LeftOut
    from flatten.layer import Layer
    from flatten.limits import Limits
    from pull.command.progress import Progress
    from pull.command.summary import Filesystem, Summary
    from pull.guest.kernel.files import KernelFiles
    from pull.guest.options import BootOptions
    from pull.guest.prepare import Guest
    from pull.image import PulledImage
    from pull.registry.credentials import FindCredentials
    from pyext4 import Written
    from pyext4.content import ContentStore
    from pyext4.tree import Tree

__all__ = ["convert", "main"]

_PASSWORD_MAX_BYTES = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parsed = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        with interruptible() as interruption:
            _demand_backend()
            _run(parsed, interruption)
    except SignalledError as error:
        clean()
        complain(SIGNALS[error.number])
        return 128 + error.number
    except ImportError as error:
        return _fail(str(error), debug=parsed.debug)
    except _errors_of_images() as error:
        message = str(error)
        # a URL or a digest alone does not tell which of a script's images it was
        where = "" if parsed.reference in message else f"{in_short(parsed.reference)}: "
        hint = _hint(error, parsed.reference)
        return _fail(f"{where}{message}{hint}", debug=parsed.debug)
    except _errors_of_filesystems() as error:
        return _fail(f"{in_short(str(parsed.output))}: {error}", debug=parsed.debug)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        path = os.fsdecode(error.filename or parsed.output or parsed.reference)
        return _fail(f"{in_short(path)}: {reason}", debug=parsed.debug)
    return 0


def _demand_backend() -> None:
    """Find out before anything else whether there is the backend that is asked for."""
    if os.environ.get("PYEXT4_BACKEND"):
        from pull.process.backends import backends  # noqa: PLC0415  # only developers choose one

        backends()


def _hint(error: Exception, reference: str) -> str:
    """Return what may have been meant where a registry has no such image."""
    if not isinstance(error, RegistryError | TransportError):
        return ""
    if Path(reference).exists():
        return f"; {reference} is here too: docker-archive:{reference}, or oci:{reference}"
    hint = hint_for(reference.removeprefix("docker://"))
    return f"; {hint}" if hint else ""


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
    image: PulledImage,
    layers: Sequence[Layer],
    parsed: Namespace,
    progress: Progress,
    left_out: LeftOut,
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
        return _convert_once(image, layers, parsed, progress, left_out)
    except RestartedError:
        pass
    except LayerError as error:
        of_image = error.digest in {layer.digest for layer in image.layers}
        if not of_image or not image.repair(error.digest):
            raise
    return _convert_once(image, layers, parsed, progress, left_out)


def _convert_once(
    image: PulledImage,
    layers: Sequence[Layer],
    parsed: Namespace,
    progress: Progress,
    left_out: LeftOut,
) -> Converted:
    from flatten import Limits, Spool, flatten  # noqa: PLC0415  # see above
    from flatten.discard import Discard  # noqa: PLC0415
    from pull.guest.own_init import how_it_boots  # noqa: PLC0415
    from pyext4 import Ext4Writer  # noqa: PLC0415
    from pyext4.image.output_file import remove_unpublished  # noqa: PLC0415

    clean_with(remove_unpublished)

    asked: BootOptions = parsed.guest

    def applied(number: int, compressed_bytes: int, tar_bytes: int) -> None:
        del tar_bytes
        if number < len(image.layers):
            layer = image.layers[number]
            progress.converted(layer.digest, layer.size, compressed_bytes)

    def merged(store: ContentStore | None) -> tuple[Tree, Guest | None]:
        tree = flatten(
            layers,
            into=store,
            limits=limits,
            progress=applied,
            workers=_workers(),
            left_out=left_out,
            strict=parsed.strict,
        )
        image.check()
        return tree, _guest(tree, image, asked, store, limits)

    limits = Limits(**dict(parsed.limits))
    with Exports(parsed) as exports, _kernel_files(asked) as kernel:
        if parsed.output is None:
            needed = exports.need_contents or asked.adds_a_layer or asked.copies_kernel
            try:
                tree, _ = merged(Spool() if needed else Discard())
            except UnsupportedOperation:  # an ACL has names, which are in the image's /etc
                tree, _ = merged(Spool())
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
    from pull.command.filesystem_identity import filesystem_time  # noqa: PLC0415
    from pull.guest.prepare import apply_guest  # noqa: PLC0415  # see above

    time = filesystem_time(image.config.created, os.environ.get("SOURCE_DATE_EPOCH"))
    return apply_guest(tree, image, asked, into=store, timestamp=time, limits=limits)


def _kernel_files(asked: BootOptions) -> AbstractContextManager[KernelFiles | None]:
    if not asked.copies_kernel:
        return nullcontext()
    from pull.guest.kernel.files import KernelFiles  # noqa: PLC0415  # see above

    return KernelFiles(asked.kernel_out, asked.initrd_out, unpack=asked.unpack_kernel)


def _added_layers(parsed: Namespace) -> list[Layer]:
    if not parsed.additions:
        return []
    from flatten.host_layers import Addition, added_layer, tar_layer  # noqa: PLC0415  # see above
    from pull.command.filesystem_identity import filesystem_time  # noqa: PLC0415

    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    latest = None if epoch is None else filesystem_time(None, epoch)
    return [
        added_layer(each, latest=latest) if isinstance(each, Addition) else tar_layer(each)
        for each in parsed.additions
    ]


def _workers() -> int:
    """Return how many layers to decompress at once: more than four outrun the one that places."""
    return min(max(len(os.sched_getaffinity(0)), 2), 4)


def _run(parsed: Namespace, interruption: Interruption) -> None:
    from pull.command.progress import make_progress  # noqa: PLC0415  # see above

    clock = _Clock()
    added = _added_layers(parsed)
    if parsed.inspect:
        _inspect(parsed, interruption)
        return
    with make_progress(quiet=parsed.quiet) as progress, _pull(parsed, progress) as image:
        interruption.image = image
        image.start()
        clock.ends("find")
        from flatten import LeftOut  # noqa: PLC0415  # see above

        left_out = LeftOut()
        converted = convert(image, [*image.layers, *added], parsed, progress, left_out)
        clock.ends("convert")
        # the image is out; what is still being synced stays for the next time
        image.fetch()
        clock.ends("cache")
    summary = _summary(image, converted, parsed, left_out, clock.seconds)
    if not parsed.quiet:
        for line in summary.as_lines():
            complain(line)
    if parsed.json:
        to_standard_output(lambda stream: stream.write(summary.as_json().encode() + b"\n"))


def _inspect(parsed: Namespace, interruption: Interruption) -> None:
    from pull.command.progress import make_progress  # noqa: PLC0415
    from pull.guest.inspection import inspect  # noqa: PLC0415  # see above

    with make_progress(quiet=True) as progress, _pull(parsed, progress) as image:
        interruption.image = image
        found = inspect(image)
    text = found.as_json() if parsed.json else found.as_text()
    to_standard_output(lambda stream: stream.write(text.encode() + b"\n"))


def _pull(parsed: Namespace, progress: Progress) -> PulledImage:
    from pull.pulling import pull  # noqa: PLC0415  # see above
    from pull.registry.options import TransportOptions  # noqa: PLC0415

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
    from pull.registry.credentials import (  # noqa: PLC0415  # see above
        Credentials,
        find_credentials,
    )
    from pull.spec.reference import Reference, parse_reference  # noqa: PLC0415

    if parsed.anonymous:
        return lambda registry, repository: None  # noqa: ARG005  # nobody is known anywhere
    if parsed.username is None:
        return None
    password = _password()
    given = Credentials(username=parsed.username, password=password)
    reference = parse_reference(parsed.reference)
    home = reference.registry if isinstance(reference, Reference) else ""

    def find(registry: str, repository: str) -> Credentials | None:
        # a mirror is another host and has no business with this password
        if registry == home:
            return given
        return find_credentials(registry, repository, environment=os.environ)

    return find


def _password() -> str:
    """Read all of standard input: a key of Google's is JSON of many lines."""
    from pull.process.stdin import standard_input  # noqa: PLC0415  # see above

    data = standard_input().read(_PASSWORD_MAX_BYTES + 1)
    if len(data) > _PASSWORD_MAX_BYTES:
        raise StandardInputError("is too long for a password")
    # one line end is the editor's or echo's; bytes that are no UTF-8 are sent as they came
    end = b"\r\n" if data.endswith(b"\r\n") else b"\n"
    password = data.removesuffix(end).decode(errors="surrogateescape")
    if not password:
        raise StandardInputError("has no password in it")
    return password


def _summary(
    image: PulledImage,
    converted: Converted,
    parsed: Namespace,
    left_out: LeftOut,
    seconds: dict[str, float],
) -> Summary:
    from pull.command.summary import Summary  # noqa: PLC0415
    from pull.process.backends import backends  # noqa: PLC0415  # see above

    written = converted.written
    return Summary(
        reference=image.reference,
        digest=image.digest,
        platform=str(image.platform),
        backend=backends(),
        layers=len(image.layers) + len(parsed.additions),
        filesystem=None if written is None else _filesystem(written),
        exports={name: path for name in ("tar", "mtree") if (path := getattr(parsed, name))},
        left_out=left_out.counts,
        boots=converted.boots,
        seconds=seconds,
    )


def _filesystem(written: Written) -> Filesystem:
    from pull.command.summary import Filesystem  # noqa: PLC0415  # see above

    free_bytes = written.free_blocks_count * written.block_size_bytes
    return Filesystem(
        files=written.files_count,
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
    complain(f"error: {message}")
    return FAILED
