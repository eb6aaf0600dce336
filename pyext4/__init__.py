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

from pyext4.version import __version__

if TYPE_CHECKING:
    from pyext4.compare import Change, Difference, diff_images
    from pyext4.editing import OwnerRange, clamp_times, exclude, map_owners
    from pyext4.errors import (
        BackendError,
        CancelledError,
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
    from pyext4.image.progress import Progress
    from pyext4.options import Options, VerityOptions
    from pyext4.qcow2 import Overlay, write_qcow2
    from pyext4.reader import Entry, Ext4Reader, Inode, Recovery, open_ext4
    from pyext4.regions import Region, block_map
    from pyext4.tree import (
        Content,
        Device,
        Directory,
        Fifo,
        File,
        Metadata,
        Node,
        Socket,
        Symlink,
        Tree,
    )
    from pyext4.verity import Verity
    from pyext4.writing.writer import Ext4Writer, write_ext4
    from pyext4.writing.written import Written

__all__ = [
    "BackendError",
    "CancelledError",
    "Change",
    "Content",
    "ContentError",
    "DamagedError",
    "Device",
    "Difference",
    "Directory",
    "DoesNotFitError",
    "Entry",
    "Ext4Error",
    "Ext4Reader",
    "Ext4Writer",
    "Fifo",
    "File",
    "Inode",
    "Metadata",
    "Node",
    "Options",
    "OptionsError",
    "Overlay",
    "OwnerRange",
    "PathError",
    "Progress",
    "Recovery",
    "Region",
    "RootHashError",
    "Socket",
    "Symlink",
    "Tree",
    "UnsupportedError",
    "Verity",
    "VerityOptions",
    "Written",
    "__version__",
    "block_map",
    "clamp_times",
    "diff_images",
    "exclude",
    "map_owners",
    "open_ext4",
    "tree_from_directory",
    "write_ext4",
    "write_qcow2",
]

if not TYPE_CHECKING:
    _PLACES = {
        "editing": ("OwnerRange", "clamp_times", "exclude", "map_owners"),
        "compare": ("Change", "Difference", "diff_images"),
        "errors": (
            "BackendError",
            "CancelledError",
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
        "image.progress": ("Progress",),
        "options": ("Options", "VerityOptions"),
        "qcow2": ("Overlay", "write_qcow2"),
        "reader": ("Entry", "Ext4Reader", "Inode", "Recovery", "open_ext4"),
        "tree": (
            "Content",
            "Device",
            "Directory",
            "Fifo",
            "File",
            "Metadata",
            "Node",
            "Socket",
            "Symlink",
            "Tree",
        ),
        "verity": ("Verity",),
        "regions": ("Region", "block_map"),
        "writing.writer": ("Ext4Writer", "write_ext4"),
        "writing.written": ("Written",),
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
