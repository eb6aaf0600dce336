"""Read extended attributes from the inode, its block and ea_inodes, as programs see them.

Every stored hash is verified. The hash of an entry takes the name's bytes as signed or unsigned:
Linux before 6.2 on x86 wrote the former, all since then the latter, so both are valid.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (attributes.rst),
fs/ext4/xattr.c.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from pyext4.errors import DamagedError
from pyext4.numbers import MAX_32, NS_PER_SECOND, ceil_div
from pyext4.ondisk import xattr
from pyext4.ondisk.inode import EXT4_EA_INODE_FL
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import ext4_crc, with_zeros
from pyext4.reader.decode.posix_acl import acl_to_xattr
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.inodes import Inode, read_inode
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.streams import read_content

__all__ = ["Attribute", "inline_rest", "read_attributes", "read_xattrs", "xattr_block"]

_HEADER: Final = Packer(xattr.XattrHeader)
_IBODY: Final = Packer(xattr.XattrIbodyHeader)
_ENTRY: Final = Packer(xattr.XattrEntry)
_ACL_INDEXES: Final = (
    xattr.EXT4_XATTR_INDEX_POSIX_ACL_ACCESS,
    xattr.EXT4_XATTR_INDEX_POSIX_ACL_DEFAULT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute as it is stored."""

    index: int  # EXT4_XATTR_INDEX_*
    name: bytes  # without the prefix that the index means
    value: bytes
    value_ino: int  # the ea_inode that holds the value, or 0
    in_block: bool


def read_xattrs(image: Image, node: Inode) -> tuple[tuple[bytes, bytes], ...]:
    """Return (full name, value) pairs in ascending order of name, ACLs in Linux's xattr form.

    Raises:
        DamagedError: an attribute or its hash is wrong, or Linux doesn't know an index.
    """
    pairs = []
    for attribute in read_attributes(image, node):
        if _is_inline_rest(attribute):
            continue
        prefix = xattr.XATTR_PREFIXES.get(attribute.index)
        if prefix is None:
            raise _damaged(node, f"unknown name index {attribute.index}")
        value = attribute.value
        if attribute.index in _ACL_INDEXES:
            value = acl_to_xattr(node.ino, value)
        pairs.append((prefix + attribute.name, value))
    return tuple(sorted(pairs))


def inline_rest(image: Image, node: Inode) -> bytes | None:
    """Return the part of inline content that didn't fit into i_block; None if there is none."""
    for attribute in _in_inode(image, node):
        if _is_inline_rest(attribute):
            return attribute.value
    return None


def read_attributes(image: Image, node: Inode) -> list[Attribute]:
    """Return all of an inode's attributes; raises as `read_xattrs` does."""
    found = _in_inode(image, node)
    if node.xattr_block:
        found += _in_block(image, node)
    names = [(attribute.index, attribute.name) for attribute in found]
    if len(set(names)) != len(names):
        raise _damaged(node, "a name twice")
    return found


def xattr_block(image: Image, number: int) -> tuple[dict[str, Any], bytes]:
    """Read and verify a block of attributes; return its header and all of it.

    Raises:
        DamagedError: the checksum or the header is wrong.
    """
    block = image.blocks(number)
    header = _HEADER.unpack(block)
    if header["h_magic"] != xattr.EXT4_XATTR_MAGIC or header["h_blocks"] != 1:
        raise DamagedError("xattr block", number, f"magic is {header['h_magic']:#010x}")
    if image.layout.checksummed:
        covered = with_zeros(block, (_HEADER.offsets["h_checksum"], 4))
        expected = ext4_crc(image.layout.csum_seed, number.to_bytes(8, "little") + covered)
        if header["h_checksum"] != expected:
            reason = f"checksum is {header['h_checksum']:#010x}, expected {expected:#010x}"
            raise DamagedError("xattr block", number, reason)
    return header, block


def _in_inode(image: Image, node: Inode) -> list[Attribute]:
    room = node.xattr_room
    if len(room) < _IBODY.size or _IBODY.unpack(room)["h_magic"] != xattr.EXT4_XATTR_MAGIC:
        return []
    found, _ = _entries(image, node, room[_IBODY.size :], 0, in_block=False)
    return found


def _in_block(image: Image, node: Inode) -> list[Attribute]:
    header, block = xattr_block(image, node.xattr_block)
    found, hashes = _entries(image, node, block, _HEADER.size, in_block=True)
    order = [(attribute.index, len(attribute.name), attribute.name) for attribute in found]
    if order != sorted(order):
        raise DamagedError("xattr block", node.xattr_block, "entries are not sorted")
    expected = _block_hash(hashes)
    if header["h_hash"] not in (0, expected):  # 0, from libext2fs: this block is never shared
        reason = f"hash is {header['h_hash']:#010x}, expected {expected:#010x}"
        raise DamagedError("xattr block", node.xattr_block, reason)
    return found


def _entries(
    image: Image, node: Inode, room: bytes, first: int, *, in_block: bool
) -> tuple[list[Attribute], list[int]]:
    """Parse the entries from `first`; offsets of values count from the start of `room`."""
    found: list[Attribute] = []
    hashes: list[int] = []
    values_begin = len(room)
    at = first
    while room[at : at + 4] != b"\0\0\0\0":  # 32 zero bits end the list
        if at + _ENTRY.size > len(room):
            raise _damaged(node, "the list of attributes has no end")
        entry = _ENTRY.unpack(room, at)
        name = room[at + _ENTRY.size : at + _ENTRY.size + entry["e_name_len"]]
        at += _round(_ENTRY.size + entry["e_name_len"])
        if b"\0" in name:
            raise _damaged(node, f"an attribute's name with a NUL: {name!r}")
        value = _value(image, node, room, entry)
        if value and not entry["e_value_inum"]:
            values_begin = min(values_begin, entry["e_value_offs"])
        _check_hash(image.layout.csum_seed, node, entry, name, value, in_block=in_block)
        hashes.append(entry["e_hash"])
        found.append(
            Attribute(
                index=entry["e_name_index"],
                name=name,
                value=value,
                value_ino=entry["e_value_inum"],
                in_block=in_block,
            )
        )
    if at + 4 > values_begin:
        raise _damaged(node, f"names up to {at + 4} overlap a value at {values_begin}")
    return found, hashes


def _value(image: Image, node: Inode, room: bytes, entry: dict[str, Any]) -> bytes:
    size = entry["e_value_size"]
    if entry["e_value_inum"]:
        return _value_inode(image, node, entry["e_value_inum"], size)
    if entry["e_value_offs"] + size > len(room):
        raise _damaged(node, "a value beyond its room")
    return room[entry["e_value_offs"] : entry["e_value_offs"] + size]


def _value_inode(image: Image, node: Inode, ino: int, size: int) -> bytes:
    """Read a value from its inode, whose i_atime holds the value's crc32c."""
    if "ea_inode" not in image.layout.features:
        raise _damaged(node, f"a value in inode {ino} without the feature ea_inode")
    holder = read_inode(image, ino)
    if not holder.flags & EXT4_EA_INODE_FL:
        raise _damaged(node, f"a value in inode {ino}, which is not for values")
    if holder.size != size:
        raise _damaged(node, f"a value of {size} bytes in inode {ino} of {holder.size}")
    if size > xattr.EXT4_XATTR_SIZE_MAX:
        raise _damaged(node, f"a value of {size} bytes")
    mapping = map_blocks(image, holder)
    if mapping.data_blocks * image.layout.block_size < size:
        raise _damaged(node, f"a value in inode {ino}, which has holes")
    value = read_content(image, holder, mapping)
    if ext4_crc(image.layout.csum_seed, value) != _stored_crc(holder):
        raise DamagedError("inode", ino, "the value's hash is wrong")
    return value


def _stored_crc(holder: Inode) -> int:
    return holder.atime_ns // NS_PER_SECOND & MAX_32


def _check_hash(
    seed: int, node: Inode, entry: dict[str, Any], name: bytes, value: bytes, *, in_block: bool
) -> None:
    stated = entry["e_hash"]
    if entry["e_value_inum"]:
        words: tuple[int, ...] = (ext4_crc(seed, value),)  # represents the value
    elif stated == 0 and not in_block:
        return  # the kernel leaves it out inside an inode
    else:
        padded = value.ljust(_round(len(value)), b"\0")
        words = struct.unpack(f"<{len(padded) // 4}I", padded)
    signed = [byte - 256 if byte > 127 else byte for byte in name]
    if stated not in (_entry_hash(list(name), words), _entry_hash(signed, words)):
        raise _damaged(node, f"hash {stated:#010x} of {name!r} is wrong")


def _entry_hash(name: list[int], words: tuple[int, ...]) -> int:
    value = 0
    for byte in name:
        value = (value << 5 ^ value >> 27 ^ byte) & MAX_32
    return _hash_words(value, words)


def _hash_words(value: int, words: tuple[int, ...]) -> int:
    for word in words:
        value = (value << 16 ^ value >> 16 ^ word) & MAX_32
    return value


def _block_hash(hashes: list[int]) -> int:
    if 0 in hashes:  # such a block is never shared
        return 0
    return _hash_words(0, tuple(hashes))


def _is_inline_rest(attribute: Attribute) -> bool:
    return (attribute.index, attribute.name) == (
        xattr.EXT4_XATTR_INDEX_SYSTEM,
        xattr.EXT4_XATTR_SYSTEM_DATA,
    )


def _round(length: int) -> int:
    return ceil_div(length, xattr.EXT4_XATTR_ROUND) * xattr.EXT4_XATTR_ROUND


def _damaged(node: Inode, reason: str) -> DamagedError:
    return DamagedError("attributes of inode", node.ino, reason)
