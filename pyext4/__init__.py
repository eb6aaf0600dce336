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

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyext4.compare import Change, Difference, diff_images
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
    from pyext4.reader import Ext4Reader, Recovery, open_ext4
    from pyext4.regions import Region, block_map
    from pyext4.tree import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree
    from pyext4.writing.writer import Ext4Writer, Written, write_ext4

__all__ = [
    "BackendError",
    "Change",
    "ContentError",
    "DamagedError",
    "Device",
    "Difference",
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
    "Recovery",
    "Region",
    "RootHashError",
    "Socket",
    "Symlink",
    "Tree",
    "UnsupportedError",
    "VerityOptions",
    "Written",
    "block_map",
    "diff_images",
    "open_ext4",
    "tree_from_directory",
    "write_ext4",
]

if not TYPE_CHECKING:
    _PLACES = {
        "compare": ("Change", "Difference", "diff_images"),
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
        "reader": ("Ext4Reader", "Recovery", "open_ext4"),
        "regions": ("Region", "block_map"),
        "tree": ("Device", "Directory", "Fifo", "File", "Metadata", "Socket", "Symlink", "Tree"),
        "writing.writer": ("Ext4Writer", "Written", "write_ext4"),
    }

    def __getattr__(name: str) -> object:
        """Import a name when it is asked for.

        A program of this package has to say in one line what is wrong with PYEXT4_BACKEND, and to
        handle signals, before anything else is imported; and a pull never needs the reader.
        """
        if name in _PLACES:
            return import_module(f"pyext4.{name}")
        for module, names in _PLACES.items():
            if name in names:
                found = getattr(import_module(f"pyext4.{module}"), name)
                globals()[name] = found  # the next time nobody has to ask
                return found
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
