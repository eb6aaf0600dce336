"""The tar scan: C through cffi, and its twin in Python. `pyext4.backend` chooses between them.

Importing this raises BackendError if the requested backend isn't available.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from flatten.errors import BackendError
from flatten.tar.rows import Scanner
from pyext4.backend import choose

__all__ = ["BACKEND", "new_scanner"]

BACKEND: Final = choose("flatten.native.compiled", BackendError)

if TYPE_CHECKING or BACKEND == "pure":
    from flatten.native.pure import PureScanner as TheScanner
else:
    from flatten.native.compiled import CompiledScanner as TheScanner

new_scanner: Final[Callable[[int], Scanner]] = TheScanner
