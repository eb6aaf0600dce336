"""What every program here does besides its work: standard streams, signals, the exit status.

A stream may be closed from the start, lose its reader, or be a file on a full disk. Standard error
is for people, and a failure to write there never fails the work. Standard output is the result: an
error there has the name `standard output` and ends in status 1.

From its first moment on, a signal ends a program with one line and the status 128 plus its number.
Signals that are ignored at the start stay ignored: nohup(1) ignores SIGHUP, and a shell ignores
SIGINT for what it runs in the background.
"""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn

from pyext4.errors import shown

__all__ = [
    "FAILED",
    "SIGNALS",
    "STANDARD_OUTPUT",
    "clean",
    "clean_with",
    "complain",
    "end_at_once",
    "end_at_signals",
    "end_with",
    "heeded",
    "run",
    "signals_ignored",
]

FAILED: Final = 1
STANDARD_OUTPUT: Final = "standard output"

SIGNALS: Final = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "hung up",
}
"""The signals, and what to say about them."""

_WAIT_SECONDS: Final = 1.0  # for a terminal that another program has made non-blocking

_cleanups: list[Callable[[], None]] = []
_last_words: list[Callable[[int], bytes]] = []  # one or none


def run(main: Callable[[], int]) -> int:
    """Run a program's `main` and return the exit status of the process."""
    end_at_signals()
    _prepare_streams()
    try:
        status = main()
    except SystemExit as leaving:  # argparse: help, the version, wrong usage
        status = leaving.code if isinstance(leaving.code, int) else FAILED
    except OSError as error:  # the help or the version
        if error.filename != STANDARD_OUTPUT:
            raise
        return _unwritten(0, error)
    status = _flushed(status)
    # All is said. The interpreter puts the default in place of handlers before it has ended, and a
    # signal would then change the status.
    for number in heeded():
        signal.signal(number, signal.SIG_IGN)
    return status


def complain(line: str) -> None:
    """Write a line, with any content, to standard error; if it can't be written, it is lost."""
    if sys.stderr is not None:  # print() would take standard output instead
        print(shown(line), file=sys.stderr)  # noqa: T201  # programs print


def clean_with(cleanup: Callable[[], None]) -> None:
    """Register an action to run before a signal ends the process; it may run more than once."""
    if cleanup not in _cleanups:
        _cleanups.append(cleanup)


def clean() -> None:
    """Run the actions that `clean_with` was given."""
    for cleanup in _cleanups:
        cleanup()


def end_with(words: Callable[[int], bytes] | None) -> None:
    """Have a signal that ends the process at once leave this on standard output; None: nothing."""
    _last_words[:] = [] if words is None else [words]


def heeded() -> list[signal.Signals]:
    """Return the signals that were not ignored when this process started."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def end_at_signals() -> None:
    """Let `SIGNALS` end the process at once, whatever it is doing."""
    for number in heeded():
        signal.signal(number, end_at_once)


def end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """Handle a signal by exiting at once: nothing is unwound, only `clean` is run."""
    del frame
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    clean()
    with suppress(OSError):
        os.write(2, f"{SIGNALS[signal.Signals(number)]}\n".encode())
    for words in _last_words:
        with suppress(OSError):
            os.write(1, words(number))
    os._exit(128 + number)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let no signal of `SIGNALS` come between while the context lasts: something is being said."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prepare_streams() -> None:
    for fd in range(3):
        if not _is_open(fd):
            # Otherwise the next file would get this number, and messages would be written into it.
            # It is opened in the wrong direction, which is an error for code that needs it.
            opened = os.open(os.devnull, os.O_RDONLY if fd == 1 else os.O_WRONLY)
            os.set_inheritable(opened, True)  # noqa: FBT003  # it takes no name
    encoding = (sys.stderr and sys.stderr.encoding) or "utf-8"
    sys.stderr = io.TextIOWrapper(
        _ForPeople(), encoding, "backslashreplace", line_buffering=True, write_through=True
    )
    encoding = (sys.stdout and sys.stdout.encoding) or encoding
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Result(1, "w", closefd=False)),
        encoding,
        "backslashreplace",
        line_buffering=os.isatty(1),
    )


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _flushed(status: int) -> int:
    """Write what is still buffered; return the exit status of the process."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _unwritten(status, error)
    return status


def _unwritten(status: int, error: OSError) -> int:
    # buffered output must not fail again when the interpreter exits
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if status == 0 and not isinstance(error, BrokenPipeError):
        complain(f"error: {STANDARD_OUTPUT}: {(error.strerror or str(error)).lower()}")
    return status or FAILED


class _ForPeople(io.RawIOBase):
    """Standard error; output that can't be written is lost."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(2)

    def fileno(self) -> int:
        return 2

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        view = memoryview(data)
        count = len(view)
        with suppress(OSError):
            while view:
                try:
                    view = view[os.write(2, view) :]
                except BlockingIOError:
                    if not select.select([], [2], [], _WAIT_SECONDS)[1]:
                        break
        return count


class _Result(io.FileIO):
    """Standard output; its errors carry its name."""

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise OSError(errno.EBADF, "is closed", STANDARD_OUTPUT) from error
            error.filename = STANDARD_OUTPUT
            raise
