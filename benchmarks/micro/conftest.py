"""Both backends, whichever PYEXT4_BACKEND selects for the packages themselves."""

from __future__ import annotations

from types import ModuleType

import pytest

import pyext4.native.pure

BACKENDS = ("compiled", "pure")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> ModuleType:
    """The module with the functions, in C or in Python."""
    if request.param == "pure":
        return pyext4.native.pure
    compiled: ModuleType = pytest.importorskip("pyext4.native.compiled", exc_type=ImportError)
    return compiled
