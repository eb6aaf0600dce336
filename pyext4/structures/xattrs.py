"""Extended attributes: which go into the inode and which into a block, and the bytes of both.

A set that fits goes after the inode's fields. Otherwise all of it goes into a block, which inodes
with equal sets share. Attributes that don't fit there stay in the inode if possible. With ea_inode,
a value that fits nowhere gets its own inode, and only its entry is in the block.

Entries grow upwards from the header, values downwards from the end. In a block, entries are sorted
by (index, length of name, name); each has a hash of its name and value, and the block has a hash
of those.

Source: fs/ext4/xattr.c, Documentation/filesystems/ext4/attributes.rst.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyext4 import native
from pyext4.numbers import MAX_32, ceil_div
from pyext4.ondisk.xattr import (
    EXT4_XATTR_INDEX_POSIX_ACL_ACCESS,
    EXT4_XATTR_INDEX_POSIX_ACL_DEFAULT,
    EXT4_XATTR_INDEX_SYSTEM,
    EXT4_XATTR_MAGIC,
    EXT4_XATTR_ROUND,
    EXT4_XATTR_SYSTEM_DATA,
    XATTR_PREFIXES,
    XattrEntry,
    XattrHeader,
    XattrIbodyHeader,
)
from pyext4.packer import Packer
from pyext4.structures import acl, checksum

__all__ = [
    "INLINE_MAX_BYTES",
    "VALUE_MAX_BYTES",
    "Entry",
    "Parts",
    "block_bytes",
    "divide",
    "full_name",
    "inode_bytes",
    "value_hash",
]

INLINE_MAX_BYTES = 60 + 68  # of a file with inline_data: i_block, and what system.data can hold
VALUE_MAX_BYTES = 65536  # XATTR_SIZE_MAX: what Linux lets a program set

_HEADER = Packer(XattrHeader, zero=("h_reserved",))
_IBODY_HEADER = Packer(XattrIbodyHeader)
_ENTRY = Packer(XattrEntry)
_END = 4  # a zero word ends the entries
_ACLS = (EXT4_XATTR_INDEX_POSIX_ACL_ACCESS, EXT4_XATTR_INDEX_POSIX_ACL_DEFAULT)


class Entry(NamedTuple):
    """One attribute as it is on the disk."""

    name_index: int  # of its prefix
    name: bytes
    value: bytes
    outside: bool = False  # the value has its own inode

    @property
    def sort_key(self) -> tuple[int, int, bytes]:
        """The order of entries in a block."""
        return self.name_index, len(self.name), self.name

    @property
    def size(self) -> int:
        """Bytes that the entry and value take."""
        return _rounded(_ENTRY.size + len(self.name)) + (
            0 if self.outside else _rounded(len(self.value))
        )


class Parts(NamedTuple):
    """Where the attributes of an inode go."""

    in_inode: tuple[Entry, ...]
    in_block: tuple[Entry, ...]

    @property
    def outside(self) -> tuple[Entry, ...]:
        """The entries whose values have their own inodes; all are in the block."""
        return tuple(entry for entry in self.in_block if entry.outside)


def _rounded(size: int) -> int:
    return ceil_div(size, EXT4_XATTR_ROUND) * EXT4_XATTR_ROUND


def _to_entry(name: bytes, value: bytes) -> Entry:
    if len(value) > VALUE_MAX_BYTES:
        msg = f"the value of {_shown(name)} is over {VALUE_MAX_BYTES} bytes: {len(value)}"
        raise ValueError(msg)
    # the longest prefix: system.posix_acl_access before system.
    for index, prefix in sorted(XATTR_PREFIXES.items(), key=lambda item: -len(item[1])):
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            whole = not prefix.endswith(b".")
            if whole != (rest == b"") or len(rest) > 255 or b"\0" in rest:
                continue
            if (index, rest) == (EXT4_XATTR_INDEX_SYSTEM, EXT4_XATTR_SYSTEM_DATA):
                continue  # inline_data keeps contents there
            if index in _ACLS:
                value = acl.to_disk(value)
            return Entry(index, rest, value)
    msg = f"ext4 has no attribute of this name: {_shown(name)}"
    raise ValueError(msg)


def full_name(entry: Entry) -> bytes:
    """Return the name as programs see it."""
    return XATTR_PREFIXES[entry.name_index] + entry.name


def _shown(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


def divide(
    xattrs: Sequence[tuple[bytes, bytes]],
    *,
    inode_room: int,
    block_size: int,
    inline: bytes | None = None,
) -> Parts:
    """Decide where each attribute goes; `inode_room` is the bytes after the inode's fields.

    With inline_data, `inline` is the part of a small file's content that doesn't fit in i_block:
    it gets the room in the inode first.

    Raises:
        ValueError: ext4 can't hold a name or a value, or they don't fit; the message says which.
    """
    entries = sorted((_to_entry(*pair) for pair in xattrs), key=lambda entry: entry.sort_key)
    names = [name for name, _ in xattrs]
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        msg = f"it has an attribute twice: {_shown(twice)}"
        raise ValueError(msg)
    inode_room -= _IBODY_HEADER.size + _END
    data: tuple[Entry, ...] = ()
    if inline is not None:
        content = Entry(EXT4_XATTR_INDEX_SYSTEM, EXT4_XATTR_SYSTEM_DATA, inline)
        data = (content,)
        inode_room -= content.size
    block_room = block_size - _HEADER.size - _END
    if sum(entry.size for entry in entries) <= inode_room:
        return Parts((*data, *entries), ())
    in_inode = list[Entry]()
    to_move = sum(entry.size for entry in entries) - block_room
    # The smallest fit best into an inode's little room.
    for entry in sorted(entries, key=lambda entry: (entry.size, entry.sort_key)):
        if to_move <= 0 or entry.size > inode_room:
            break
        in_inode.append(entry)
        inode_room -= entry.size
        to_move -= entry.size
    if to_move > 0:
        in_block, in_inode = _move_outside(entries, block_room), []
    else:
        moved = {entry.sort_key for entry in in_inode}
        in_block = [entry for entry in entries if entry.sort_key not in moved]
    return Parts(
        (*data, *sorted(in_inode, key=lambda entry: entry.sort_key)),
        tuple(sorted(in_block, key=lambda entry: entry.sort_key)),
    )


def _move_outside(entries: Sequence[Entry], block_room: int) -> list[Entry]:
    """Give the largest values their own inodes until the rest fits."""
    out = sorted(entries, key=lambda entry: (-len(entry.value), entry.sort_key))
    too_much = sum(entry.size for entry in out) - block_room
    for i, entry in enumerate(out):
        if too_much <= 0:
            break
        out[i] = Entry(entry.name_index, entry.name, entry.value, outside=True)
        too_much -= entry.size - out[i].size
    if too_much > 0:
        msg = f"the names of its {len(out)} attributes don't fit into a block"
        raise ValueError(msg)
    return out


def value_hash(seed: int, value: bytes) -> int:
    """Return the hash of a value that has its own inode; `seed` is the filesystem's."""
    return native.crc32c(seed, value)


def _hash_entry(entry: Entry, value_words: bytes) -> int:
    """Return e_hash: the name, then the value word by word."""
    result = 0
    for char in entry.name:
        result = (result << 5 ^ result >> 27 ^ char) & MAX_32
    for (word,) in struct.iter_unpack("<I", value_words):
        result = (result << 16 ^ result >> 16 ^ word) & MAX_32
    return result


def _fill(
    area: memoryview, entries: Sequence[Entry], base: int, inos: Mapping[Entry, int], seed: int
) -> list[int]:
    """Write entries from the start of `area` and values from its end; return the hashes.

    Values are addressed from `base` bytes before the area.
    """
    at, end = 0, len(area)
    hashes: list[int] = []
    for entry in entries:
        if entry.outside:
            # the value's crc, which its inode has too, represents it
            words = struct.pack("<I", value_hash(seed, entry.value))
            offset = 0
        else:
            words = entry.value.ljust(_rounded(len(entry.value)), b"\0")
            end -= len(words)
            area[end : end + len(words)] = words
            offset = end + base
        hashes.append(_hash_entry(entry, words))
        head = _ENTRY.pack(
            e_name_len=len(entry.name),
            e_name_index=entry.name_index,
            e_value_offs=offset if entry.value else 0,
            e_value_inum=inos[entry] if entry.outside else 0,
            e_value_size=len(entry.value),
            e_hash=hashes[-1],
        )
        area[at : at + len(head)] = head
        area[at + len(head) : at + len(head) + len(entry.name)] = entry.name
        at += _rounded(len(head) + len(entry.name))
    return hashes


def inode_bytes(entries: Sequence[Entry], room: int) -> bytes:
    """Return the bytes after the fields of an inode: `room` of them."""
    out = bytearray(room)
    _IBODY_HEADER.pack_into(out, 0, h_magic=EXT4_XATTR_MAGIC)
    _fill(memoryview(out)[_IBODY_HEADER.size :], entries, 0, {}, 0)
    return bytes(out)


def block_bytes(
    entries: Sequence[Entry],
    *,
    block: int,
    block_size: int,
    refcount: int,
    inos: Mapping[Entry, int],
    seed: int,
    csum: bool,
) -> bytes:
    """Return the block of attributes for `block`, used by `refcount` inodes.

    `inos` has the inode of each value outside. The filesystem's `seed` hashes those values even
    without metadata_csum; `csum` says whether it is on.
    """
    out = bytearray(block_size)
    area = memoryview(out)[_HEADER.size :]
    hashes = _fill(area, entries, _HEADER.size, inos, seed)
    h_hash = 0
    for e_hash in hashes:
        h_hash = (h_hash << 16 ^ h_hash >> 16 ^ e_hash) & MAX_32
    header = {
        "h_magic": EXT4_XATTR_MAGIC,
        "h_refcount": refcount,
        "h_blocks": 1,
        # 0 says that the block is not to be shared; an entry's 0 must not be found again
        "h_hash": h_hash if all(hashes) else 0,
    }
    _HEADER.pack_into(out, 0, **header, h_checksum=0)
    if csum:
        crc = checksum.numbered_block(seed, block, out)
        _HEADER.pack_into(out, 0, **header, h_checksum=crc)
    return bytes(out)
