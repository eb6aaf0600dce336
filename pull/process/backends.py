"""Which code runs the hot paths of both libraries: the compiled one, or its twin in Python."""

from __future__ import annotations

__all__ = ["backends"]


def backends() -> str:
    """Return `native` or `pure`, or who has which where the two differ.

    Raises:
        ImportError: PYEXT4_BACKEND asks for one that can't be had; a BackendError of one of them.
    """
    import flatten.native  # noqa: PLC0415  # slow, and rarely needed early
    import pyext4.native  # noqa: PLC0415

    first, second = pyext4.native.BACKEND, flatten.native.BACKEND
    return first if first == second else f"pyext4 {first}, flatten {second}"
