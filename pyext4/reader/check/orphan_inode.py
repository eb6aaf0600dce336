"""Check the orphan file: each block's tail, and that it holds no orphans.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (orphan.rst).
"""

from __future__ import annotations

from typing import Final

from pyext4.errors import DamagedError
from pyext4.ondisk.orphan import EXT4_ORPHAN_BLOCK_MAGIC, OrphanBlockTail
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import ext4_crc
from pyext4.reader.disk.block_map import map_blocks
from pyext4.reader.disk.inodes import Inode
from pyext4.reader.disk.open_image import Image

__all__ = ["check_orphan_file"]

_TAIL: Final = Packer(OrphanBlockTail)


def check_orphan_file(image: Image, node: Inode) -> None:
    """Check the orphan file of a clean filesystem; raises DamagedError."""
    for run in map_blocks(image, node).runs:
        for block in range(run.block, run.block + run.length):
            data = image.blocks(block)
            end = len(data) - _TAIL.size
            tail = _TAIL.unpack(data, end)
            if tail["ob_magic"] != EXT4_ORPHAN_BLOCK_MAGIC:
                raise _damaged(block, f"magic is {tail['ob_magic']:#010x}")
            if any(data[:end]):
                raise _damaged(block, "orphans wait to be deleted, run: e2fsck -p")
            if image.layout.checksummed:
                seed = ext4_crc(node.csum_seed, block.to_bytes(8, "little"))
                expected = ext4_crc(seed, data[:end])
                if tail["ob_checksum"] != expected:
                    stated = tail["ob_checksum"]
                    raise _damaged(block, f"checksum is {stated:#010x}, expected {expected:#010x}")


def _damaged(block: int, reason: str) -> DamagedError:
    return DamagedError("orphan block", block, reason)
