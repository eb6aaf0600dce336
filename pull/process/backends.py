"""Which code runs the hot paths of both libraries: the compiled one, or its twin in Python."""

from __future__ import annotations

__all__ = ["backends"]


def backends() -> str:
    """Return `native` or `pure`, or which library has which if they differ.

    Raises:
        ImportError: PYEXT4_BACKEND asks for one that isn't available; a BackendError of a library.
    """
    import flatten.native  # noqa: PLC0415  # slow, and rarely needed early
    import pyext4.native  # noqa: PLC0415

    first, second = pyext4.native.BACKEND, flatten.native.BACKEND
    return first if first == second else f"pyext4 {first}, flatten {second}"
