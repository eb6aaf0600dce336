"""The tar scan: C through cffi, its twin in Python, and the choice between them.

PYEXT4_BACKEND picks one: `native` (a BackendError where it was not built) or `pure`; unset, the
compiled one is used where there is one.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from flatten.errors import BackendError
from flatten.native.pure import PureScanner
from flatten.tar.rows import Scanner

__all__ = ["BACKEND", "new_scanner"]


def _choose(wanted: str | None) -> tuple[str, Callable[[int], Scanner]]:
    if wanted not in (None, "", "native", "pure"):
        raise BackendError(f"must be native or pure, not: {wanted}")
    if wanted == "pure":
        return "pure", PureScanner
    try:
        from flatten.native.compiled import CompiledScanner  # noqa: PLC0415  (may be missing)
    except ImportError as error:
        if wanted == "native":
            raise BackendError(f"native was not built, or can't be loaded: {error}") from error
        return "pure", PureScanner
    return "native", CompiledScanner


BACKEND, new_scanner = _choose(os.environ.get("PYEXT4_BACKEND"))
