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

from pyext4.errors import ContentError, DoesNotFitError, Ext4Error, OptionsError
from pyext4.options import Options
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree
from pyext4.writer import Ext4Writer, Written, write_ext4

__all__ = [
    "ContentError",
    "Device",
    "Directory",
    "DoesNotFitError",
    "Ext4Error",
    "Ext4Writer",
    "Fifo",
    "File",
    "Metadata",
    "Options",
    "OptionsError",
    "Socket",
    "Symlink",
    "Tree",
    "Written",
    "write_ext4",
]
