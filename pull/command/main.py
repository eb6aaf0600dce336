"""The program `python -m pull`: parse, run, report the result, and errors in one line.

Slow modules are imported once the command line has proved valid, and the other two packages once
the first layers are arriving.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pull.command.arguments import parse_arguments
from pull.command.interruption import SignalledError, interruptible
from pull.command.request import REUSE_MODES, Request, ReuseMode
from pull.errors import RegistryError, SettingError, TransportError
from pull.process.cancel import Cancel
from pull.process.program import FAILED, Telling, clean_with, complain, reason_of
from pull.process.stdout import to_standard_output
from pull.spec.reference import hint_for
from pull.wording import in_short
from pyext4.errors import Ext4Error
from pyext4.failure import PackageError
from pyext4.programs.secrets import without_secrets

if TYPE_CHECKING:
    from pull.command.conversion import Converted
    from pull.registry.credentials import FindCredentials

__all__ = ["main"]

_TROUBLE = 2  # exit status of diff(1)


def main(arguments: Sequence[str] | None = None, *, name: str = "python -m pull") -> int:
    """Run the command, which was called `name`, and return its exit status."""
    request = parse_arguments(sys.argv[1:] if arguments is None else arguments, name=name)
    talk = request.talk
    # diff(1): a failure is not a difference
    trouble = FAILED if request.exports.diff is None else _TROUBLE
    telling = Telling(request.reference, json=talk.json, debug=talk.debug, trouble=trouble)
    try:
        with interruptible() as interruption:
            _demand_backend()
            return _run(request, interruption.cancel, telling)
    except SignalledError as error:
        return telling.signalled(error.number)
    except (ImportError, PackageError, OSError) as error:
        return telling.failed(error, _message(error, request))


def _message(error: ImportError | PackageError | OSError, request: Request) -> str:
    """Say what went wrong with which file or image."""
    if isinstance(error, ImportError):
        return str(error)
    if isinstance(error, Ext4Error):
        of_other = request.exports.diff is not None and str(request.exports.diff) in str(error)
        where = "" if of_other else f"{in_short(str(request.output or request.reference))}: "
        return f"{where}{error}"
    if isinstance(error, PackageError):  # of pull or flatten: of the image
        message = str(error)
        # a URL or a digest alone does not tell which of a script's images it was
        reference = without_secrets(request.reference)
        where = "" if reference in message else f"{in_short(reference)}: "
        return f"{where}{message}{_hint(error, request.reference)}"
    path = os.fsdecode(error.filename or request.output or request.reference)
    return f"{in_short(path)}: {reason_of(error)}"


def _demand_backend() -> None:
    """Check before anything else that the requested backend is there."""
    if os.environ.get("PYEXT4_BACKEND"):
        from pull.process.backends import backends  # noqa: PLC0415  # only developers choose one

        backends()


def _run(request: Request, cancel: Cancel, telling: Telling) -> int:
    from pull.command.login import find_login  # noqa: PLC0415  # all of these are slow

    credentials = find_login(request.reference, request.registry.login)
    if request.inspect:
        _inspect(request, credentials, cancel, telling)
        return 0
    if request.exports.diff is None:
        _convert(request, credentials, cancel, telling)
        return 0
    from pull.comparing.report import DIFFERENT, demand_image  # noqa: PLC0415  # rarely needed

    demand_image(request.exports.diff)
    made = _convert(request, credentials, cancel, telling)
    return DIFFERENT if made.differences else 0


def _convert(
    request: Request, credentials: FindCredentials | None, cancel: Cancel, telling: Telling
) -> Converted:
    from pull.command.conversion import convert  # noqa: PLC0415
    from pull.command.progress import make_progress  # noqa: PLC0415
    from pyext4.image.output_file import remove_unpublished  # noqa: PLC0415

    clean_with(remove_unpublished)
    talk = request.talk
    with make_progress(request.reference, quiet=talk.quiet) as progress:
        made = convert(
            request.reference,
            request.output,
            platform=request.image.platform,
            cache_dir=request.image.cache_dir,
            offline=request.image.offline,
            credentials=credentials,
            transport=request.registry.transport,
            mirrors=request.registry.mirrors,
            jobs=request.registry.jobs,
            additions=request.layers.additions,
            limits=request.layers.limits,
            strict=request.layers.strict,
            filesystem=request.filesystem,
            verity=request.verity,
            boot=request.boot,
            exports=request.exports,
            exclude=request.changes.exclude,
            map_owner=request.changes.owners,
            clamp_mtime=request.changes.clamp_mtime,
            size_report=request.measures,
            source_date_epoch=_source_date_epoch(request),
            reuse=request.image.reuse or _reuse_mode(),
            progress=progress,
            cancel=cancel,
            note=None if talk.quiet else lambda line: complain(f"note: {line}"),
        )
    from pull.command.summary import summary_of  # noqa: PLC0415
    from pull.process.backends import backends  # noqa: PLC0415

    summary = summary_of(made, backend=backends())
    if not talk.quiet:
        for line in summary.as_lines():
            complain(line)
    if talk.json:
        telling.answers()
        to_standard_output(lambda stream: stream.write(summary.as_json().encode() + b"\n"))
    return made


def _inspect(
    request: Request, credentials: FindCredentials | None, cancel: Cancel, telling: Telling
) -> None:
    from pull.guest.inspection import inspect  # noqa: PLC0415
    from pull.pulling import pull  # noqa: PLC0415

    with pull(
        request.reference,
        platform=request.image.platform,
        cache_dir=request.image.cache_dir,
        offline=request.image.offline,
        credentials=credentials,
        transport=request.registry.transport,
        mirrors=request.registry.mirrors,
        jobs=request.registry.jobs,
    ) as image:
        cancel.aborts(image)
        found = inspect(image)
    text = found.as_json() if request.talk.json else found.as_text()
    telling.answers()
    to_standard_output(lambda stream: stream.write(text.encode() + b"\n"))


def _source_date_epoch(request: Request) -> int | None:
    text = os.environ.get("SOURCE_DATE_EPOCH")
    used = (
        request.output is not None
        or request.layers.additions
        or request.boot.adds_a_layer
        or request.changes.clamp_mtime
    )
    if text is None or not used:  # nothing would have this time
        return None
    from pull.process.epoch import parse_epoch  # noqa: PLC0415  # rarely needed

    return parse_epoch(text)


def _reuse_mode() -> ReuseMode:
    text = os.environ.get("PYEXT4_REUSE") or "auto"
    for mode in REUSE_MODES:
        if mode == text:
            return mode
    raise SettingError("PYEXT4_REUSE", f"is not {', '.join(REUSE_MODES)}: {in_short(text)!r}")


def _hint(error: Exception, reference: str) -> str:
    """Return what may have been meant if a registry has no such image."""
    if not isinstance(error, RegistryError | TransportError):
        return ""
    if Path(reference).exists():
        return f"; {reference} is here too: docker-archive:{reference}, or oci:{reference}"
    hint = hint_for(reference.removeprefix("docker://"))
    return f"; {hint}" if hint else ""
