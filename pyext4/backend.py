"""The choice between compiled code and its twin in Python, for packages that have both.

PYEXT4_BACKEND=native or =pure demands one of them. Otherwise the compiled one is used if it can be
loaded.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable

__all__ = ["choose"]


def choose(compiled: str, refusal: Callable[[str], Exception]) -> str:
    """Return `native` if the module `compiled` is to be used, else `pure`.

    Raises:
        Exception: made by `refusal` from the reason why the backend demanded is not available.
    """
    wanted = os.environ.get("PYEXT4_BACKEND", "")
    if wanted not in ("", "native", "pure"):
        raise refusal(f"must be native or pure, not: {wanted}")
    if wanted == "pure":
        return "pure"
    try:
        importlib.import_module(compiled)
    except ImportError as error:
        if wanted:
            raise refusal(f"native was not built, or can't be loaded: {error}") from error
        return "pure"
    return "native"
