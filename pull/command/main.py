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
from pull.command.interruption import SIGNALS, SignalledError, interruptible
from pull.command.request import REUSE_MODES, Request, ReuseMode
from pull.errors import RegistryError, SettingError, TransportError
from pull.process.cancel import Cancel
from pull.process.program import FAILED, clean, clean_with, complain
from pull.process.stdout import to_standard_output
from pull.spec.reference import hint_for
from pull.wording import in_short
from pyext4.errors import Ext4Error
from pyext4.failure import PackageError

if TYPE_CHECKING:
    from pull.registry.credentials import FindCredentials

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    request = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        with interruptible() as interruption:
            _demand_backend()
            _run(request, interruption.cancel)
    except SignalledError as error:
        clean()
        complain(SIGNALS[error.number])
        return 128 + error.number
    except ImportError as error:
        return _fail(str(error), request)
    except Ext4Error as error:
        return _fail(f"{in_short(str(request.output))}: {error}", request)
    except PackageError as error:  # of pull or flatten: of the image
        message = str(error)
        # a URL or a digest alone doesn't tell which of a script's images failed
        where = "" if request.reference in message else f"{in_short(request.reference)}: "
        return _fail(f"{where}{message}{_hint(error, request.reference)}", request)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        path = os.fsdecode(error.filename or request.output or request.reference)
        return _fail(f"{in_short(path)}: {reason}", request)
    return 0


def _demand_backend() -> None:
    """Check before anything else that the requested backend is there."""
    if os.environ.get("PYEXT4_BACKEND"):
        from pull.process.backends import backends  # noqa: PLC0415  # only developers choose one

        backends()


def _run(request: Request, cancel: Cancel) -> None:
    from pull.command.login import find_login  # noqa: PLC0415  # all of these are slow

    credentials = find_login(request.reference, request.registry.login)
    if request.inspect:
        _inspect(request, credentials, cancel)
    else:
        _convert(request, credentials, cancel)


def _convert(request: Request, credentials: FindCredentials | None, cancel: Cancel) -> None:
    from pull.command.conversion import convert  # noqa: PLC0415
    from pull.command.progress import make_progress  # noqa: PLC0415
    from pyext4.image.output_file import remove_unpublished  # noqa: PLC0415

    clean_with(remove_unpublished)
    talk = request.talk
    with make_progress(quiet=talk.quiet) as progress:
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
            source_date_epoch=_source_date_epoch(request),
            reuse=request.image.reuse or _reuse_mode(),
            progress=progress,
            cancel=cancel,
        )
    from pull.command.summary import summary_of  # noqa: PLC0415
    from pull.process.backends import backends  # noqa: PLC0415

    summary = summary_of(made, backend=backends())
    if not talk.quiet:
        for line in summary.as_lines():
            complain(line)
    if talk.json:
        to_standard_output(lambda stream: stream.write(summary.as_json().encode() + b"\n"))


def _inspect(request: Request, credentials: FindCredentials | None, cancel: Cancel) -> None:
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
    to_standard_output(lambda stream: stream.write(text.encode() + b"\n"))


def _source_date_epoch(request: Request) -> int | None:
    text = os.environ.get("SOURCE_DATE_EPOCH")
    additions = request.layers.additions or request.boot.adds_a_layer
    if text is None or (request.output is None and not additions):  # nothing would have this time
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


def _fail(message: str, request: Request) -> int:
    if request.talk.debug:
        import traceback  # noqa: PLC0415  # rarely needed

        traceback.print_exc()
    complain(f"error: {message}")
    return FAILED
