"""Whose namespaces a file's capabilities count for: the value of security.capability.

include/uapi/linux/capability.h: `struct vfs_cap_data` of revision 2 has no owner and counts for
everybody. `struct vfs_ns_cap_data` of revision 3 ends with `rootid`, and counts where that user is
a namespace's root. security/commoncap.c, cap_convert_nscap, turns the one into the other when a
namespace's root sets it, and maps the root of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["CAPABILITY", "shifted_capability"]

CAPABILITY: Final = b"security.capability"

_REVISION_MASK: Final = 0xFF000000  # VFS_CAP_REVISION_MASK, of magic_etc
_REVISION_2: Final = 0x02000000
_REVISION_3: Final = 0x03000000
_SIZE_2: Final = 20  # XATTR_CAPS_SZ_2: magic_etc, and two pairs of sets
_SIZE_3: Final = 24  # XATTR_CAPS_SZ_3: and the root


def shifted_capability(value: bytes, root_of: Callable[[int], int]) -> bytes:
    """Return a value for the namespaces of another root; what the kernel can't read stays as it is.

    `root_of` maps the root that it has, or 0; raises what that does.
    """
    revision = int.from_bytes(value[:4], "little") & _REVISION_MASK
    if (len(value), revision) == (_SIZE_3, _REVISION_3):
        root = root_of(int.from_bytes(value[_SIZE_2:], "little"))
        return value[:_SIZE_2] + root.to_bytes(4, "little")
    if (len(value), revision) == (_SIZE_2, _REVISION_2):
        root = root_of(0)
        if root:
            magic = int.from_bytes(value[:4], "little") & ~_REVISION_MASK | _REVISION_3
            return magic.to_bytes(4, "little") + value[4:] + root.to_bytes(4, "little")
    return value
