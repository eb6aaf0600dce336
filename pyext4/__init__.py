"""From a tree of files to an ext4 filesystem, and back.

block 0 (4 KiB blocks)
+--------------------+ group 0: superblock (at byte 1024), descriptors, and blocks reserved
| copy 0             |          for more descriptors; fixed, so data begins after it
+--------------------+
| file data          | in the order it came; a bump allocator steps around the copies
| ...                | at the beginning of group 1 and of groups that are powers of 3, 5 and 7
+--------------------+
| block bitmaps      | of all groups: flex_bg lets them be anywhere
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

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyext4.errors import (
        BackendError,
        ContentError,
        DamagedError,
        DoesNotFitError,
        Ext4Error,
        OptionsError,
        PathError,
        RootHashError,
        UnsupportedError,
    )
    from pyext4.host import tree_from_directory
    from pyext4.options import Options, VerityOptions
    from pyext4.qcow2 import Overlay, write_qcow2
    from pyext4.reader import Ext4Reader, open_ext4
    from pyext4.tree import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree
    from pyext4.writing.writer import Ext4Writer, Written, write_ext4

__all__ = [
    "BackendError",
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
    "Overlay",
    "PathError",
    "RootHashError",
    "Socket",
    "Symlink",
    "Tree",
    "UnsupportedError",
    "VerityOptions",
    "Written",
    "open_ext4",
    "tree_from_directory",
    "write_ext4",
    "write_qcow2",
]

if not TYPE_CHECKING:
    _PLACES = {
        "errors": (
            "BackendError",
            "ContentError",
            "DamagedError",
            "DoesNotFitError",
            "Ext4Error",
            "OptionsError",
            "PathError",
            "RootHashError",
            "UnsupportedError",
        ),
        "host": ("tree_from_directory",),
        "options": ("Options", "VerityOptions"),
        "qcow2": ("Overlay", "write_qcow2"),
        "reader": ("Ext4Reader", "open_ext4"),
        "tree": ("Device", "Directory", "Fifo", "File", "Metadata", "Socket", "Symlink", "Tree"),
        "writing.writer": ("Ext4Writer", "Written", "write_ext4"),
    }

    def __getattr__(name: str) -> object:
        """Import a name when it is asked for.

        A program of this package must handle signals, and report a bad PYEXT4_BACKEND in one line,
        before anything else is imported; and a pull never needs the reader.
        """
        if name in _PLACES:
            return import_module(f"pyext4.{name}")
        for module, names in _PLACES.items():
            if name in names:
                found = getattr(import_module(f"pyext4.{module}"), name)
                globals()[name] = found  # so that this is not called for it again
                return found
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
