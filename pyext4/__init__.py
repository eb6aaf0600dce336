"""From a tree of files to an ext4 filesystem, and back.

block 0 (4 KiB blocks)
+--------------------+ group 0: superblock (at byte 1024), descriptors, and blocks reserved
| copy 0             |          for more descriptors; fixed, so data begins behind it
+--------------------+
| file data          | in the order it came; a bump allocator steps round the copies that
| ...                | stand at the beginning of groups 1 and the powers of 3, 5 and 7
+--------------------+
| block bitmaps      | of all groups: flex_bg lets them stand anywhere
| inode bitmaps      |
| inode tables       |
| directories        |
| attributes, links  |
| extent trees       |
| journal            |
+--------------------+
| free               |
+--------------------+
"""

from typing import TYPE_CHECKING

from pyext4.errors import (
    ContentError,
    DamagedError,
    DoesNotFitError,
    Ext4Error,
    OptionsError,
    PathError,
    RootHashError,
    UnsupportedError,
)
from pyext4.options import Options, VerityOptions
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree
from pyext4.writer import Ext4Writer, Written, write_ext4

if TYPE_CHECKING:
    from pyext4.reader import Ext4Reader, open_ext4

__all__ = [
    "ContentError",
    "DamagedError",
    "Device",
    "Directory",
    "DoesNotFitError",
    "Ext4Error",
    "Ext4Reader",
    "Ext4Writer",
    "Fifo",
    "File",
    "Metadata",
    "Options",
    "OptionsError",
    "PathError",
    "RootHashError",
    "Socket",
    "Symlink",
    "Tree",
    "UnsupportedError",
    "VerityOptions",
    "Written",
    "open_ext4",
    "write_ext4",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the reader when it is asked for: a pull never does, and it takes 25 ms."""
        if name in ("Ext4Reader", "open_ext4"):
            from pyext4 import reader  # noqa: PLC0415

            return getattr(reader, name)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
