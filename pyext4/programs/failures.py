"""Errors as JSON, for scripts that asked a program for JSON.

    {"error": {"kind": "not_found", "message": "...", "reference": "...", "status": 1,
               "temporary": false, "url": "...", "http_status": 404}}

The object stands alone on standard output; the line for people is on standard error as ever. What
is behind `temporary` are the facts that the error has stored, by the names that its class gives
them. docs/json.md has the table.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from pyext4.failure import PackageError
from pyext4.programs.secrets import without_secrets

__all__ = ["FAILED", "TEMPORARY", "as_json", "facts_of", "kind_of", "say", "status_of"]

FAILED: Final = 1  # for good
TEMPORARY: Final = 75  # EX_TEMPFAIL of sysexits.h: the same may do a moment later

_PUBLIC_MODULES: Final = ".errors"
_NAMES: Final = {"status": "http_status"}  # beside the exit status
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def status_of(error: BaseException) -> int:
    """Return the exit status for an error: whether a script should try once more."""
    return TEMPORARY if isinstance(error, PackageError) and error.temporary else FAILED


def kind_of(error: BaseException) -> str:
    """Name an error's class: NotFoundError is `not_found`; of the system's own all are `os`."""
    if isinstance(error, PackageError):
        for each in type(error).__mro__:  # one that a module keeps to itself goes by its base
            if each.__module__.endswith(_PUBLIC_MODULES):
                return _CAPITAL.sub("_", each.__name__.removesuffix("Error")).lower()
    return "os" if isinstance(error, OSError) else "import"


def facts_of(error: BaseException) -> dict[str, object]:
    """Return what an error has stored, as JSON can say it."""
    if isinstance(error, PackageError):
        stored = {name: value for name, value in vars(error).items() if name[:1] != "_"}
        return {_NAMES.get(name, name): _plain(name, value) for name, value in stored.items()}
    if isinstance(error, OSError):
        path = None if error.filename is None else _plain("path", error.filename)
        return {"errno": errno.errorcode.get(error.errno or 0), "path": path}
    return {}


def as_json(
    kind: str,
    message: str,
    *,
    reference: str | None,
    status: int,
    facts: Mapping[str, object] | None = None,
) -> bytes:
    """Make the object; `reference` is what the program was about: an image, a file, a cache."""
    general = {
        "kind": kind,
        "message": message,
        "reference": reference,
        "status": status,
        "temporary": status == TEMPORARY,
    }
    more = {name: value for name, value in (facts or {}).items() if name not in general}
    return json.dumps({"error": _cleaned({**general, **more})}, indent=2).encode() + b"\n"


def say(data: bytes) -> None:
    """Write to standard output, unless nobody can hear it: the exit status says it too."""
    if sys.stdout is None:
        return
    with suppress(OSError, ValueError):
        sys.stdout.write(data.decode())
        sys.stdout.flush()


def _plain(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):  # a path of an image, or else a digest
        return value.decode(errors="backslashreplace") if name == "path" else value.hex()
    if isinstance(value, Mapping):
        return {str(key): _plain(name, each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_plain(name, each) for each in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return value
