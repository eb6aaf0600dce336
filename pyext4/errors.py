"""What can go wrong in pyext4.

Ext4Error
  ContentError      a tree holds something that ext4 can't, or a content isn't as its node says
  DoesNotFitError   the size asked for is too small; the error tells the size that would do
  OptionsError      an option is out of its range, or contradicts another
  RootHashError     the root hash of dm-verity is not the one that was asked for
  DamagedError      a structure of an image contradicts its checksum or the rest of the image
  UnsupportedError  an image needs a feature that the reader doesn't have
  PathError         a path doesn't lead where it was asked to
"""

from __future__ import annotations

__all__ = [
    "ContentError",
    "DamagedError",
    "DoesNotFitError",
    "Ext4Error",
    "OptionsError",
    "PathError",
    "RootHashError",
    "UnsupportedError",
]


class Ext4Error(Exception):
    """Any failure of pyext4 that is not the operating system's own."""


class ContentError(Ext4Error):
    """A node can't be written as it is."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path.decode(errors='backslashreplace')}: {reason}")


class DoesNotFitError(Ext4Error):
    """The content needs more room than the size that was asked for."""

    def __init__(self, *, size_bytes: int, needed_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.needed_bytes = needed_bytes
        super().__init__(
            f"the content does not fit into {size_bytes} bytes, use at least: {needed_bytes}"
        )


class OptionsError(Ext4Error):
    """An option can't be satisfied."""

    def __init__(self, option: str, reason: str) -> None:
        self.option = option
        self.reason = reason
        super().__init__(f"{option}: {reason}")


class RootHashError(Ext4Error):
    """The image is not the one that a root hash was given for."""

    def __init__(self, *, expected: bytes, actual: bytes) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the root hash must be {expected.hex()}, but it is: {actual.hex()}")


class DamagedError(Ext4Error):
    """An image isn't what it must be; `number` is the structure's inode, group or block."""

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
    """A path inside an image leads nowhere, or to something of another kind."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path.decode(errors='backslashreplace')}: {reason}")
