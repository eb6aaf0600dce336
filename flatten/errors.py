"""What can go wrong in flatten.

FlattenError
  LayerError            a layer can't be read or applied: its digest, why, and where in it
    DiffIdError         its uncompressed bytes are not those that the image names
    LimitError          it exceeds a limit
  NodeError             something in the merged tree can't be kept as it is
  OutputError           a tree has something that the output's format can't hold
  HostError             a file or a specification given to make a layer of is no good

EntryError is internal: it says what is wrong with one entry, and the merge turns it into a
LayerError with the digest and the path; an EntryLimitError becomes a LimitError.
"""

from __future__ import annotations

__all__ = [
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


def shown(path: bytes) -> str:
    """Spell a path from a tar for people: one line, whatever its bytes."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class EntryError(Exception):
    """What is wrong with the entry at hand, for those who know neither its path nor its layer."""


class EntryLimitError(EntryError):
    """The entry at hand exceeds a limit."""

    def __init__(self, limit: str, most: int) -> None:
        """Name the limit by its field in `flatten.limits.Limits`."""
        self.limit = limit
        self.most = most
        super().__init__(f"exceeds the limit {limit}: {most}")


class FlattenError(Exception):
    """Any failure of flatten that is not the operating system's own."""


class LayerError(FlattenError):
    """A layer can't be read or applied."""

    def __init__(
        self, digest: str, reason: str, *, path: bytes | None = None, offset: int | None = None
    ) -> None:
        """State the layer by its digest, and a path in the tree or a byte offset in the tar."""
        self.digest = digest
        self.reason = reason
        self.path = path
        self.offset = offset
        where = f"layer {digest}: "
        if path is not None:
            where += f"{shown(path) or '/'}: "
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
        super().__init__(digest, f"exceeds the limit {limit}: {most}", path=path)


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
        super().__init__(f"{shown(path)}: {reason}")


class HostError(FlattenError):
    """A file or a specification that a layer is to be made of is no good."""

    def __init__(self, subject: str, reason: str) -> None:
        self.subject = subject
        self.reason = reason
        super().__init__(f"{subject}: {reason}")
