"""What can go wrong in flatten.

FlattenError
  LayerError            a layer can't be read or applied: its digest, why, and where in it
    DiffIdError         its uncompressed bytes are not those that the image names
    LimitError          it exceeds a limit
  NodeError             something in the merged tree can't be kept as it is
  OutputError           a tree has something that the output's format can't hold
  HostError             a file or specification given to make a layer from can't be used
  BackendError          PYEXT4_BACKEND asks for a backend that isn't there; an ImportError too

`FlattenError` itself turns every message into one line that is safe on a terminal, whatever a
layer has in its names, attributes and ACLs, so that no error can forget to.

EntryError is internal: it says what is wrong with one entry, and the merge turns it into a
LayerError with the digest and the path; an EntryLimitError becomes a LimitError.
"""

from __future__ import annotations

from typing import Final

from pyext4.failure import PackageError

__all__ = [
    "BackendError",
    "DiffIdError",
    "EntryError",
    "EntryLimitError",
    "FlattenError",
    "HostError",
    "LayerError",
    "LimitError",
    "NodeError",
    "OutputError",
    "shown",
]


_PATH_CHARACTERS: Final = 1000
_MESSAGE_CHARACTERS: Final = 4000
_CUT: Final = " [...] "
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def shown(path: bytes) -> str:
    """Make a path from a tar readable: one line, whatever its bytes."""
    return _printable(path.decode("utf-8", "backslashreplace"))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _in_short(text: str, most: int = _PATH_CHARACTERS) -> str:
    """Shorten a long text in the middle: the beginning and the end tell most."""
    if len(text) <= most:
        return text
    half = (most - len(_CUT)) // 2
    return f"{text[:half]}{_CUT}{text[-half:]}"


def _in_units(size_bytes: int) -> str:
    power = min((size_bytes.bit_length() - 1) // 10, len(_UNITS) - 1)
    return f"{size_bytes / 1024**power:.4g} {_UNITS[power]}"


class EntryError(Exception):
    """What is wrong with the current entry, raised where its path and layer aren't known."""


class EntryLimitError(EntryError):
    """The current entry exceeds a limit."""

    def __init__(self, limit: str, most: int) -> None:
        """Name the limit by its field in `flatten.limits.Limits`."""
        self.limit = limit
        self.most = most
        super().__init__(f"exceeds the limit {limit}: {most}")


class FlattenError(PackageError):
    """Any failure of flatten that is not the operating system's own."""

    def __init__(self, message: str) -> None:
        super().__init__(_in_short(_printable(message), _MESSAGE_CHARACTERS))


class LayerError(FlattenError):
    """A layer can't be read or applied."""

    def __init__(
        self, digest: str, reason: str, *, path: bytes | None = None, offset: int | None = None
    ) -> None:
        """Name the layer by its digest, with a path in the tree or a byte offset in the tar."""
        self.digest = digest
        self.reason = reason
        self.path = path
        self.offset = offset
        where = f"layer {digest}: "
        if path is not None:
            where += f"{_in_short(shown(path)) or '/'}: "
        at = "" if offset is None else f" at offset {offset}"
        super().__init__(f"{where}{reason}{at}")


class DiffIdError(LayerError):
    """A layer's uncompressed bytes are not those that the image names."""

    def __init__(self, digest: str, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            digest, f"uncompressed content does not match its diff_id {expected}, it is: {actual}"
        )


class LimitError(LayerError):
    """A layer exceeds a limit."""

    def __init__(self, digest: str, limit: str, most: int, *, path: bytes | None = None) -> None:
        """Name the limit by its field in `flatten.limits.Limits`."""
        self.limit = limit
        self.most = most
        unit = f" ({_in_units(most)})" if limit.endswith("bytes") and most >= 1024 else ""
        super().__init__(digest, f"exceeds the limit {limit}: {most}{unit}", path=path)


class NodeError(FlattenError):
    """Something in the merged tree can't be kept as it is, whichever layers it came from."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{shown(path)}: {reason}")


class OutputError(FlattenError):
    """A node can't be put into a tar or a manifest."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{_in_short(shown(path))}: {reason}")


class HostError(FlattenError):
    """A file or specification given to make a layer from can't be used."""

    def __init__(self, subject: str, reason: str) -> None:
        self.subject = subject
        self.reason = reason
        super().__init__(f"{_in_short(subject)}: {reason}")


class BackendError(FlattenError, ImportError):
    """The backend that PYEXT4_BACKEND names isn't available."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"PYEXT4_BACKEND: {reason}")
