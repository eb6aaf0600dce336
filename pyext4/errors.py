"""What can go wrong in pyext4.

Ext4Error
  ContentError      a tree holds something that ext4 can't, or a content doesn't match its node
  DoesNotFitError   the requested size is too small; the error has the size that is enough
  OptionsError      an option is out of its range, or contradicts another
  RootHashError     the root hash of dm-verity is not the expected one
  DamagedError      a structure of an image contradicts its checksum or the rest of the image
  UnsupportedError  an image needs a feature that the reader doesn't have
  PathError         a path doesn't exist, or leads to something of another kind
  BackendError      the backend that PYEXT4_BACKEND asks for is missing; also an ImportError

Messages contain untrusted text: names in trees, facts from damaged images. `Ext4Error` itself
makes every message one line without control characters, so that no error can forget to.
"""

from __future__ import annotations

from typing import Final

from pyext4.failure import PackageError

__all__ = [
    "BackendError",
    "ContentError",
    "DamagedError",
    "DoesNotFitError",
    "Ext4Error",
    "OptionsError",
    "PathError",
    "RootHashError",
    "UnsupportedError",
    "in_short",
    "shown",
    "size_in_words",
]

_PATH_CHARACTERS: Final = 1000
_MESSAGE_CHARACTERS: Final = 4000
_CUT: Final = " [...] "
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def shown(text: str) -> str:
    """Escape what can't be printed: control characters, changes of direction, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_short(text: str, most: int = _PATH_CHARACTERS) -> str:
    """Shorten a long text in the middle: its beginning and end say the most."""
    if len(text) <= most:
        return text
    half = (most - len(_CUT)) // 2
    return f"{text[:half]}{_CUT}{text[-half:]}"


def size_in_words(size_bytes: int) -> str:
    """Write a number of bytes with a unit, and the exact number if the unit rounds it."""
    power = min((max(size_bytes, 1).bit_length() - 1) // 10, len(_UNITS) - 1)
    if power == 0:
        return f"{size_bytes} bytes"
    value = size_bytes / 1024**power
    if value.is_integer():
        return f"{int(value)} {_UNITS[power]}"
    return f"{value:.1f} {_UNITS[power]} ({size_bytes} bytes)"


def _path(path: bytes) -> str:
    return in_short(shown(path.decode(errors="backslashreplace")))


class Ext4Error(PackageError):
    """Any failure of pyext4 that doesn't come from the operating system."""

    def __init__(self, message: str) -> None:
        super().__init__(in_short(shown(message), _MESSAGE_CHARACTERS))


class ContentError(Ext4Error):
    """A node can't be written as it is."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{_path(path)}: {reason}")


class DoesNotFitError(Ext4Error):
    """The content needs more room than the requested size."""

    def __init__(self, *, size_bytes: int, needed_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.needed_bytes = needed_bytes
        size, needed = size_in_words(size_bytes), size_in_words(needed_bytes)
        super().__init__(f"the content does not fit into {size}, use at least: {needed}")


class OptionsError(Ext4Error):
    """An option can't be satisfied."""

    def __init__(self, option: str, reason: str) -> None:
        self.option = option
        self.reason = reason
        super().__init__(f"{option}: {reason}")


class RootHashError(Ext4Error):
    """The image doesn't have the root hash that was given."""

    def __init__(self, *, expected: bytes, actual: bytes) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the root hash must be {expected.hex()}, but it is: {actual.hex()}")


class DamagedError(Ext4Error):
    """An image is damaged; `number` is the structure's inode, group or block."""

    def __init__(self, structure: str, number: int, reason: str) -> None:
        self.structure = structure
        self.number = number
        self.reason = reason
        super().__init__(f"{structure} {number}: {reason}")


class UnsupportedError(Ext4Error):
    """An image is sound as far as we know, but we can't read it."""

    def __init__(self, feature: str, reason: str) -> None:
        self.feature = feature
        self.reason = reason
        super().__init__(f"{feature}: {reason}")


class PathError(Ext4Error):
    """A path inside an image doesn't exist, or leads to something of another kind."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{_path(path)}: {reason}")


class BackendError(Ext4Error, ImportError):
    """The backend that PYEXT4_BACKEND names is not available."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"PYEXT4_BACKEND: {reason}")
