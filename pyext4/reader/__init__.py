"""Read ext4 images and trust nothing that their checksums don't vouch for.

    layout       the superblock: measures, features
    image        the open file: blocks, group descriptors, bitmaps
    inodes       one inode as a value
    mapping      its blocks: extent tree or block map
    streams, contents   its bytes
    directories, hashtree, dirhash, names   its entries, and the index over them
    xattrs, acl  its attributes
    journal, orphans, resize   the inodes without a name
    paths        from a path to an inode
    reader       the interface for users
    to_tree      the image as a `pyext4.tree.Tree`
    claims, fixed, survey, verify   the full check

The writer shares only the declarations in `pyext4.ondisk` and the crc itself with this package, so
that each can check the other.
"""

from __future__ import annotations

from pyext4.reader.disk.inodes import Inode
from pyext4.reader.files.directory_entries import Entry
from pyext4.reader.reader import Ext4Reader, Where, open_ext4

__all__ = ["Entry", "Ext4Reader", "Inode", "Where", "open_ext4"]
