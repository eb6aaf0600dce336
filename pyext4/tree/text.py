"""Paths that come as text: names are bytes, and which ones does not depend on the locale."""

from __future__ import annotations

from pyext4.errors import PathError

__all__ = ["as_bytes"]


def as_bytes(path: bytes | str) -> bytes:
    """Return a path as names are: in UTF-8, with what os.fsdecode makes of other bytes.

    Raises:
        PathError: the text has what is in no UTF-8.
        TypeError: it is neither bytes nor str.
    """
    if isinstance(path, bytes):
        return path
    if not isinstance(path, str):
        msg = f"path: must be bytes or str, not {type(path).__name__}: {path!r:.60}"
        raise TypeError(msg)
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise PathError(path.encode(errors="backslashreplace"), "is no UTF-8") from error
