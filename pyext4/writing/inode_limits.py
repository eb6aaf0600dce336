"""Find what no inode of ext4 can hold, before anything is written.

Link counts, names, attributes, the length of a link's target and times are checked where they are
counted or packed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyext4.errors import ContentError
from pyext4.ondisk.inode import EXT4_LINK_MAX
from pyext4.tree import Device, Directory, File, Node, Symlink
from pyext4.writing.survey import Survey

__all__ = ["check_limits"]

_MODE_BITS: Final = 12
_ID_BITS: Final = 32
_MAJOR_BITS: Final = 12  # MINORBITS of the kernel leaves this many of a dev_t
_MINOR_BITS: Final = 20


def check_limits(
    survey: Survey, *, max_file_bytes: int, dir_nlink: bool, path_of: Callable[[Node], bytes]
) -> None:
    """Check every node once.

    Raises:
        ContentError: ext4 can't hold one of them.
    """
    for index, node in enumerate(survey.nodes):
        meta = node.meta
        if (
            meta.mode >> _MODE_BITS
            or (meta.uid | meta.gid) >> _ID_BITS
            or (type(node) is File and not 0 <= node.size <= max_file_bytes)
            or (type(node) is Symlink and b"\0" in node.target)
            or (type(node) is Device and (node.major >> _MAJOR_BITS or node.minor >> _MINOR_BITS))
            or (type(node) is Directory and survey.links[index] > EXT4_LINK_MAX and not dir_nlink)
        ):
            raise ContentError(path_of(node), _reason(node, max_file_bytes))


def _reason(node: Node, max_file_bytes: int) -> str:
    meta = node.meta
    numbers = [
        ("mode", meta.mode, (1 << _MODE_BITS) - 1),
        ("uid", meta.uid, (1 << _ID_BITS) - 1),
        ("gid", meta.gid, (1 << _ID_BITS) - 1),
    ]
    if isinstance(node, File):
        numbers.append(("size", node.size, max_file_bytes))
    if isinstance(node, Device):
        numbers.append(("major", node.major, (1 << _MAJOR_BITS) - 1))
        numbers.append(("minor", node.minor, (1 << _MINOR_BITS) - 1))
    for name, value, largest in numbers:
        if not 0 <= value <= largest:
            return f"its {name} must be 0 to {largest}, not: {value}"
    if isinstance(node, Symlink):
        return f"a link's target can't contain a NUL: {node.target!r}"
    return f"without dir_nlink a directory holds at most {EXT4_LINK_MAX - 2} directories"
