"""What a name beginning with `.wh.` means in a layer.

https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"A whiteout file is an empty file with a special filename that signifies a path should be
deleted. A whiteout filename consists of the prefix .wh. plus the basename of the path to be
deleted." And: ".wh..wh..opq" makes its directory opaque.
"""

from __future__ import annotations

import enum

__all__ = ["AUFS_LINKS", "Opaque", "Reserved", "hidden_name"]

PREFIX = b".wh."
OPAQUE = b".wh..wh..opq"
# Other names with this prefix belong to AUFS, which invented the scheme and kept its own records in
# .wh..wh.plnk, .wh..wh.orph and .wh..wh.aufs. They say nothing about the filesystem, with one
# exception: the content of a file with several names is in the first of them, in the layer's root,
# and each name is a hard link to it.
AUFS = b".wh..wh."
AUFS_LINKS = b".wh..wh.plnk"


class Opaque(enum.Enum):
    """The directory hides everything that lower layers had in it."""

    YES = enum.auto()


class Reserved(enum.Enum):
    """Names that are not markers."""

    SKIPPED = enum.auto()
    REFUSED = enum.auto()


def hidden_name(parent: bytes, name: bytes) -> bytes | Opaque | Reserved:
    """Tell what the marker `name` in the directory `parent` hides: a name there, or everything.

    `.wh.` alone, `.wh..` and `.wh...` would hide "", "." and "..", so they are refused, as is
    anything in a directory whose name is a marker, because no layer can make such a directory.
    """
    for component in parent.split(b"/"):
        if component.startswith(AUFS):
            return Reserved.SKIPPED
        if component.startswith(PREFIX):
            return Reserved.REFUSED
    if name == OPAQUE:
        return Opaque.YES
    if name.startswith(AUFS):
        return Reserved.SKIPPED
    if not name.startswith(PREFIX) or name[4:] in (b"", b".", b".."):
        return Reserved.REFUSED
    return name[4:]
