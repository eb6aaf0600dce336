"""Find which inodes share which block of attributes, over the whole tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyext4.errors import ContentError
from pyext4.numbers import ceil_div
from pyext4.ondisk.xattr import EXT4_XATTR_REFCOUNT_MAX
from pyext4.structures import xattrs
from pyext4.tree import Node

__all__ = ["I_BLOCK_BYTES", "AttributeBlock", "Attributes", "collect"]

I_BLOCK_BYTES = 60  # of a content kept in its inode; the rest is an attribute


class AttributeBlock:
    """One block, and how many inodes use it."""

    __slots__ = ("entries", "inos", "users")

    def __init__(self, entries: tuple[xattrs.Entry, ...]) -> None:
        self.entries = entries
        self.users = 0
        self.inos: dict[xattrs.Entry, int] = {}  # of the values outside

    def blocks(self, block_size: int) -> int:
        """Return its part of each user's i_blocks: the block, and values outside."""
        values = (len(entry.value) for entry in self.entries if entry.outside)
        return 1 + sum(ceil_div(length, block_size) for length in values)


class Attributes:
    """Where the attributes of each node go, if it has any."""

    def __init__(self) -> None:
        self.in_inode: dict[int, bytes] = {}  # node -> bytes after its fields
        self.block_of: dict[int, int] = {}  # node -> position in `blocks`
        self.blocks: list[AttributeBlock] = []

    @property
    def outside(self) -> bool:
        """Whether any value needs its own inode."""
        return any(entry.outside for block in self.blocks for entry in block.entries)


def collect(
    nodes: list[Node],
    *,
    inode_room: int,
    block_size: int,
    inline: Mapping[int, bytes],
    ea_inode: bool,
    path_of: Callable[[Node], bytes],
) -> Attributes:
    """Place the attributes of all nodes; equal sets share blocks.

    `inline` has the contents that are kept in their inodes; `ea_inode` says whether values may
    have their own inodes.

    Raises:
        ContentError: attributes that ext4 can't hold, or not with these features.
    """
    out = Attributes()
    divided: dict[tuple[tuple[bytes, bytes], ...], xattrs.Parts] = {}
    open_blocks: dict[tuple[xattrs.Entry, ...], int] = {}
    for index, node in enumerate(nodes):
        pairs = node.meta.xattrs
        content = inline.get(index)
        if not pairs and content is None:
            continue
        hash(pairs)  # a TypeError if they are a list
        parts = divided.get(pairs) if content is None else None
        if parts is None:
            try:
                parts = xattrs.divide(
                    pairs,
                    inode_room=inode_room,
                    block_size=block_size,
                    inline=None if content is None else content[I_BLOCK_BYTES:],
                )
            except ValueError as error:
                raise ContentError(path_of(node), str(error)) from error
            if parts.outside and not ea_inode:
                raise ContentError(path_of(node), _without_ea_inode(parts))
            if content is None:
                divided[pairs] = parts
        if parts.in_inode:
            out.in_inode[index] = xattrs.inode_bytes(parts.in_inode, inode_room)
        if parts.in_block:
            at = open_blocks.get(parts.in_block)
            if at is None or out.blocks[at].users == EXT4_XATTR_REFCOUNT_MAX:
                at = open_blocks[parts.in_block] = len(out.blocks)
                out.blocks.append(AttributeBlock(parts.in_block))
            out.blocks[at].users += 1
            out.block_of[index] = at
    return out


def _without_ea_inode(parts: xattrs.Parts) -> str:
    largest = max(parts.outside, key=lambda entry: len(entry.value))
    name = xattrs.full_name(largest).decode(errors="backslashreplace")
    return f"its attributes don't fit into a block, and ea_inode is left out: {name}"
