"""qcow2 images that hold only what differs from another image, their backing file.

    layout       the structures: header, L1 and L2 tables, reference counts
    backing      which file may be a base, and by which name the image finds it
    difference   two files compared, window by window
    writer       the difference as a qcow2 image

Nothing here knows ext4: both files are disks. Reading qcow2 does not belong here.
"""

from __future__ import annotations

from pyext4.qcow2.backing import check_base
from pyext4.qcow2.writer import Overlay, write_overlay, write_qcow2

__all__ = ["Overlay", "check_base", "write_overlay", "write_qcow2"]
