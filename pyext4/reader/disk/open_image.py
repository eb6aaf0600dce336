"""The open image: blocks by number, groups by number, whole inodes by number.

All reads go through `os.pread`, so one image serves any number of streams and threads.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (group_descr.rst).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pyext4.errors import DamagedError
from pyext4.numbers import MAX_32, ceil_div
from pyext4.ondisk.group_desc import EXT4_BG_BLOCK_UNINIT, EXT4_BG_INODE_UNINIT, GroupDesc
from pyext4.ondisk.superblock import EXT4_SUPERBLOCK_OFFSET
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import crc16, ext4_crc, with_zeros
from pyext4.reader.disk.measures import SUPERBLOCK, Layout, read_layout

__all__ = ["Group", "Image"]

DESCRIPTOR: Final = Packer(GroupDesc)
_CHECKSUM_AT: Final = DESCRIPTOR.offsets["bg_checksum"]
_UPPER_AT: Final = DESCRIPTOR.offsets["bg_block_bitmap_hi"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group descriptor with its halves joined."""

    number: int
    block_bitmap: int  # block
    inode_bitmap: int  # block
    inode_table: int  # first block
    free_blocks: int
    free_inodes: int
    used_dirs: int
    itable_unused: int
    block_bitmap_csum: int
    inode_bitmap_csum: int
    csum_mask: int  # the bits of both checksums that fit
    flags: int

    @property
    def block_uninit(self) -> bool:
        """Tell whether the block bitmap was never written."""
        return bool(self.flags & EXT4_BG_BLOCK_UNINIT)

    @property
    def inode_uninit(self) -> bool:
        """Tell whether the inode bitmap was never written."""
        return bool(self.flags & EXT4_BG_INODE_UNINIT)


class Image:
    """A file with a filesystem in it; owns the open file."""

    def __init__(self, path: Path) -> None:
        """Open the file and read its superblock; raises OSError, DamagedError, UnsupportedError."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._groups: dict[int, Group] = {}
        try:
            # seek for the size: the stat of a block device has none
            self.size_bytes = os.lseek(self._fd, 0, os.SEEK_END)
            raw = os.pread(self._fd, SUPERBLOCK.size, EXT4_SUPERBLOCK_OFFSET)
            self.layout: Layout = read_layout(raw, self.size_bytes)
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; streams from this image can't be read any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def blocks(self, first: int, count: int = 1) -> bytes:
        """Read `count` blocks.

        Raises:
            DamagedError: they are outside the filesystem.
        """
        size = self.layout.block_size
        if first + count > self.layout.blocks_count:
            raise DamagedError("block", first, f"beyond the end, block {self.layout.blocks_count}")
        return self.bytes_at(first * size, count * size)

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Read bytes by their offset in the file.

        Raises:
            DamagedError: the file ends before that.
            ValueError: the image is closed.
        """
        if self._fd < 0:
            msg = "read of a closed image"
            raise ValueError(msg)
        if offset + length > self.size_bytes:
            number = offset // self.layout.block_size
            raise DamagedError("block", number, f"the file ends at byte {self.size_bytes}")
        data = os.pread(self._fd, length, offset)
        while len(data) < length:  # a signal or the kernel's 2 GiB limit can cut a read short
            more = os.pread(self._fd, length - len(data), offset + len(data))
            if not more:
                number = offset // self.layout.block_size
                raise DamagedError("block", number, f"the file ends at byte {offset + len(data)}")
            data += more
        return data

    def descriptor_block(self, index: int) -> int:
        """Return where the `index`th block of descriptors is."""
        layout = self.layout
        first_meta_bg = layout.fields["s_first_meta_bg"]
        if "meta_bg" not in layout.features or index < first_meta_bg:
            return layout.super_block + 1 + index
        group = index * layout.descs_per_block
        start = layout.group_start(group) if group else layout.super_block
        return start + layout.has_super(group)

    def group(self, number: int) -> Group:
        """Return a group's verified descriptor.

        Raises:
            DamagedError: its checksum is wrong, or it points out of the filesystem.
        """
        known = self._groups.get(number)
        if known is None:
            known = self._groups[number] = self._read_group(number)
        return known

    def block_bitmap(self, group: Group) -> bytes:
        """Read and verify a group's block bitmap; not for one with `block_uninit`."""
        bitmap = self.blocks(group.block_bitmap)
        used = bitmap[: self.layout.fields["s_clusters_per_group"] // 8]
        self._check_bitmap("block bitmap", group, used, group.block_bitmap_csum)
        return bitmap

    def inode_bitmap(self, group: Group) -> bytes:
        """Read and verify a group's inode bitmap; not for one with `inode_uninit`."""
        bitmap = self.blocks(group.inode_bitmap)
        used = bitmap[: self.layout.inodes_per_group // 8]
        self._check_bitmap("inode bitmap", group, used, group.inode_bitmap_csum)
        return bitmap

    def raw_inode(self, ino: int) -> bytes:
        """Read an inode's bytes.

        Raises:
            DamagedError: there is no such number.
        """
        layout = self.layout
        if not 1 <= ino <= layout.inodes_count:
            raise DamagedError("inode", ino, f"number out of range, 1 to {layout.inodes_count}")
        group, index = divmod(ino - 1, layout.inodes_per_group)
        table = self.group(group).inode_table * layout.block_size
        return self.bytes_at(table + index * layout.inode_size, layout.inode_size)

    def _check_bitmap(self, structure: str, group: Group, bits: bytes, stated: int) -> None:
        if not self.layout.checksummed:
            return
        expected = ext4_crc(self.layout.csum_seed, bits) & group.csum_mask
        if stated != expected:
            reason = f"checksum is {stated:#x}, expected {expected:#x}"
            raise DamagedError(structure, group.number, reason)

    def _read_group(self, number: int) -> Group:
        layout = self.layout
        index, place = divmod(number, layout.descs_per_block)
        start = self.descriptor_block(index) * layout.block_size + place * layout.desc_size
        raw = self.bytes_at(start, layout.desc_size)
        fields = DESCRIPTOR.unpack(raw.ljust(DESCRIPTOR.size, b"\0"))
        self._check_descriptor(number, raw, fields["bg_checksum"])

        def whole(name: str, low_bits: int) -> int:
            return int(fields[f"{name}_lo"] | fields[f"{name}_hi"] << low_bits)

        upper = layout.desc_size > _UPPER_AT
        group = Group(
            number=number,
            block_bitmap=whole("bg_block_bitmap", 32),
            inode_bitmap=whole("bg_inode_bitmap", 32),
            inode_table=whole("bg_inode_table", 32),
            free_blocks=whole("bg_free_blocks_count", 16),
            free_inodes=whole("bg_free_inodes_count", 16),
            used_dirs=whole("bg_used_dirs_count", 16),
            itable_unused=whole("bg_itable_unused", 16),
            block_bitmap_csum=whole("bg_block_bitmap_csum", 16),
            inode_bitmap_csum=whole("bg_inode_bitmap_csum", 16),
            csum_mask=MAX_32 if upper else 0xFFFF,
            flags=fields["bg_flags"],
        )
        table_blocks = ceil_div(layout.inodes_per_group * layout.inode_size, layout.block_size)
        for first, count in (
            (group.block_bitmap, 1),
            (group.inode_bitmap, 1),
            (group.inode_table, table_blocks),
        ):
            if not layout.first_data_block < first <= layout.blocks_count - count:
                raise DamagedError("group", number, f"points outside the filesystem: {first}")
        return group

    def _check_descriptor(self, number: int, raw: bytes, stated: int) -> None:
        layout = self.layout
        if layout.checksummed:
            covered = number.to_bytes(4, "little") + with_zeros(raw, (_CHECKSUM_AT, 2))
            expected = ext4_crc(layout.csum_seed, covered) & 0xFFFF
        elif "uninit_bg" in layout.features:
            rest = raw[_CHECKSUM_AT + 2 :]
            covered = number.to_bytes(4, "little") + raw[:_CHECKSUM_AT] + rest
            expected = crc16(layout.fields["s_uuid"] + covered)
        else:
            return
        if stated != expected:
            reason = f"checksum is {stated:#06x}, expected {expected:#06x}"
            raise DamagedError("group", number, reason)
