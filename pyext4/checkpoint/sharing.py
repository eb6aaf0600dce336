"""How much of a file shares its blocks with others, as the filesystem tells it.

Source: Documentation/filesystems/fiemap.rst of Linux.
"""

from __future__ import annotations

import fcntl
import struct
from typing import Final

__all__ = ["shared_bytes"]

_FS_IOC_FIEMAP: Final = 0xC020660B  # _IOWR('f', 11, struct fiemap)
_REQUEST: Final = struct.Struct("=QQIIII")  # start, length, flags, mapped, room, reserved
_EXTENT: Final = struct.Struct("=QQQ16xI12x")  # logical, physical, length, flags
_LAST: Final = 0x0001
_SHARED: Final = 0x2000
_ROOM: Final = 1024  # extents a call


def shared_bytes(fd: int) -> int:
    """Count the bytes of a file that other files have too; 0 where the filesystem can't tell."""
    shared = start = 0
    while True:
        request = bytearray(_REQUEST.size + _ROOM * _EXTENT.size)
        _REQUEST.pack_into(request, 0, start, (1 << 64) - 1 - start, 0, 0, _ROOM, 0)
        try:
            fcntl.ioctl(fd, _FS_IOC_FIEMAP, request)
        except OSError:
            return 0
        mapped = _REQUEST.unpack_from(request)[3]
        flags = _LAST
        for number in range(mapped):
            at = _REQUEST.size + number * _EXTENT.size
            logical, _, length, flags = _EXTENT.unpack_from(request, at)
            start = logical + length
            if flags & _SHARED:
                shared += length
        if flags & _LAST:
            return shared
