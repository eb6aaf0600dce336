"""An inode as a value: halves joined, times decoded, checksum verified.

Specification: https://docs.kernel.org/filesystems/ext4/dynamic.html (inodes.rst).
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import Any, Final

from pyext4.errors import DamagedError
from pyext4.numbers import MAX_32, NS_PER_SECOND
from pyext4.ondisk import inode as ondisk
from pyext4.ondisk.superblock import EXT4_GOOD_OLD_INODE_SIZE
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import ext4_crc, inode_seed, with_zeros
from pyext4.reader.disk.measures import Layout
from pyext4.reader.disk.open_image import Image

__all__ = ["KINDS", "Inode", "parse_inode", "read_inode"]

_WHOLE: Final = Packer(ondisk.Inode)
_LOW_AT: Final = _WHOLE.offsets["l_i_checksum_lo"]
_HIGH_AT: Final = _WHOLE.offsets["i_checksum_hi"]

_MOST_BLOCKS: Final = MAX_32  # logical blocks have 32-bit numbers

KINDS: Final = frozenset(
    {
        stat.S_IFREG,
        stat.S_IFDIR,
        stat.S_IFLNK,
        stat.S_IFCHR,
        stat.S_IFBLK,
        stat.S_IFIFO,
        stat.S_IFSOCK,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """One inode; times are nanoseconds since the epoch, `crtime_ns` is None if there is none."""

    ino: int
    mode: int  # type and permissions, as in os.stat
    links: int
    uid: int
    gid: int
    size: int  # bytes
    sectors: int  # units of 512 bytes
    atime_ns: int
    ctime_ns: int
    mtime_ns: int
    crtime_ns: int | None
    flags: int  # EXT4_*_FL
    generation: int
    version: int
    project: int
    xattr_block: int  # block, or 0
    i_block: bytes  # 60 bytes
    xattr_room: bytes  # what follows the fields: the room for in-inode attributes
    csum_seed: int  # of this inode and its blocks
    raw: bytes  # the whole inode

    @property
    def kind(self) -> int:
        """Return the type alone: stat.S_IFREG, ..."""
        return stat.S_IFMT(self.mode)

    @property
    def extents(self) -> bool:
        """Tell whether i_block holds an extent tree."""
        return bool(self.flags & ondisk.EXT4_EXTENTS_FL)

    @property
    def inline(self) -> bool:
        """Tell whether the content is in the inode itself."""
        return bool(self.flags & ondisk.EXT4_INLINE_DATA_FL)

    @property
    def fast_symlink(self) -> bool:
        """Tell whether i_block is a symlink's target itself."""
        short = self.size < ondisk.EXT4_MIN_INLINE_DATA_SIZE
        return stat.S_ISLNK(self.mode) and short and not self.extents and not self.inline

    @property
    def device(self) -> tuple[int, int]:
        """Return (major, minor) of a device node."""
        old = int.from_bytes(self.i_block[0:4], "little")
        new = int.from_bytes(self.i_block[4:8], "little")
        if old:  # the 16-bit form, for majors and minors below 256
            return old >> 8 & 0xFF, old & 0xFF
        return new >> 8 & 0xFFF, new & 0xFF | new >> 12 & 0xFFF00


def read_inode(image: Image, ino: int) -> Inode:
    """Read an inode that is in use.

    Raises:
        DamagedError: there is no such number, its checksum is wrong, it is not in use, or its
            fields contradict each other.
    """
    node = parse_inode(image.layout, ino, image.raw_inode(ino))
    if node.kind not in KINDS:
        reason = f"mode is {node.mode:#o}" if node.mode else "not in use"
        raise DamagedError("inode", ino, reason)
    return node


def parse_inode(layout: Layout, ino: int, raw: bytes) -> Inode:
    """Decode an inode's bytes, with any mode; raises as `read_inode` does."""
    extra_size = _extra_size(layout, ino, raw)
    # fields beyond i_extra_isize may hold anything, such as attributes
    known = raw[: EXT4_GOOD_OLD_INODE_SIZE + extra_size]
    fields = _WHOLE.unpack(known[: _WHOLE.size].ljust(_WHOLE.size, b"\0"))
    seed = inode_seed(layout.csum_seed, ino, fields["i_generation"])
    if layout.checksummed and any(raw):  # an unwritten one is all zero
        upper = extra_size >= _HIGH_AT + 2 - EXT4_GOOD_OLD_INODE_SIZE
        _check_checksum(ino, raw, fields, seed, upper=upper)
    size = _size(layout, fields)
    if size > _MOST_BLOCKS * layout.block_size:
        raise DamagedError("inode", ino, f"impossible size: {size}")
    return Inode(
        ino=ino,
        mode=fields["i_mode"],
        links=fields["i_links_count"],
        uid=fields["i_uid"] | fields["l_i_uid_high"] << 16,
        gid=fields["i_gid"] | fields["l_i_gid_high"] << 16,
        size=size,
        sectors=_sectors(layout, fields),
        atime_ns=_time_ns(fields["i_atime"], fields["i_atime_extra"]),
        ctime_ns=_time_ns(fields["i_ctime"], fields["i_ctime_extra"]),
        mtime_ns=_time_ns(fields["i_mtime"], fields["i_mtime_extra"]),
        crtime_ns=_time_ns(fields["i_crtime"], fields["i_crtime_extra"])
        if extra_size >= _WHOLE.offsets["i_version_hi"] - EXT4_GOOD_OLD_INODE_SIZE
        else None,
        flags=fields["i_flags"],
        generation=fields["i_generation"],
        version=fields["l_i_version"] | fields["i_version_hi"] << 32,
        project=fields["i_projid"],
        xattr_block=fields["i_file_acl_lo"] | fields["l_i_file_acl_high"] << 32,
        i_block=fields["i_block"],
        # no i_extra_isize means that the room is still unused
        xattr_room=raw[EXT4_GOOD_OLD_INODE_SIZE + extra_size :] if extra_size else b"",
        csum_seed=seed,
        raw=raw,
    )


def _extra_size(layout: Layout, ino: int, raw: bytes) -> int:
    """Return i_extra_isize, the bytes of fields beyond the first 128."""
    if layout.inode_size == EXT4_GOOD_OLD_INODE_SIZE:
        return 0
    at = _WHOLE.offsets["i_extra_isize"]
    size = int.from_bytes(raw[at : at + 2], "little")
    if size % 4 or EXT4_GOOD_OLD_INODE_SIZE + size > layout.inode_size:
        raise DamagedError("inode", ino, f"impossible i_extra_isize: {size}")
    return size


def _check_checksum(
    ino: int, raw: bytes, fields: dict[str, Any], seed: int, *, upper: bool
) -> None:
    """Compare 32 bits, or 16 if i_extra_isize leaves no room for the `upper` half."""
    stretches = ((_LOW_AT, 2), (_HIGH_AT, 2)) if upper else ((_LOW_AT, 2),)
    expected = ext4_crc(seed, with_zeros(raw, *stretches)) & (MAX_32 if upper else 0xFFFF)
    stated = fields["l_i_checksum_lo"] | (fields["i_checksum_hi"] << 16 if upper else 0)
    if stated != expected:
        raise DamagedError("inode", ino, f"checksum is {stated:#x}, expected {expected:#x}")


def _size(layout: Layout, fields: dict[str, Any]) -> int:
    # i_size_high of a directory is used only with large_dir
    if stat.S_ISREG(fields["i_mode"]) or "large_dir" in layout.features:
        return int(fields["i_size_lo"] | fields["i_size_high"] << 32)
    return int(fields["i_size_lo"])


def _sectors(layout: Layout, fields: dict[str, Any]) -> int:
    if "huge_file" not in layout.features:
        return int(fields["i_blocks_lo"])
    count = int(fields["i_blocks_lo"] | fields["l_i_blocks_high"] << 32)
    if fields["i_flags"] & ondisk.EXT4_HUGE_FILE_FL:
        return count * (layout.block_size // 512)
    return count


def _time_ns(low: int, extra: int) -> int:
    """Decode a time: 32 signed bits of seconds, 2 bits that count 2^32 s, 30 of nanoseconds."""
    seconds = low - (1 << 32) if low >= 1 << 31 else low
    seconds += (extra & ondisk.EXT4_EPOCH_MASK) << 32
    return seconds * NS_PER_SECOND + (extra >> ondisk.EXT4_EPOCH_BITS)
