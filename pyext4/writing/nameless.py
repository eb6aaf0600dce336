"""Inodes without a name: journal, resize inode, orphan file, large attribute values.

Each is placed and written by the module that knows its bytes; here they become rows of the inode
tables. Journal and resize inode have reserved numbers; the numbers of the others follow the tree's.
"""

from __future__ import annotations

import stat
from collections.abc import Callable

from pyext4.image.store import ImageStore
from pyext4.native.rows import FIRST_TIME_NS, INODE_ROW, InodeRow
from pyext4.numbers import NS_PER_SECOND
from pyext4.ondisk.inode import (
    EXT4_EA_INODE_FL,
    EXT4_EXTENTS_FL,
    EXT4_JOURNAL_INO,
    EXT4_RESIZE_INO,
)
from pyext4.space.geometry import Geometry
from pyext4.space.runs import Run, from_runs
from pyext4.structures import checksum, extents, journal, orphan_file, resize, xattrs
from pyext4.writing.attribute_blocks import Attributes
from pyext4.writing.identity import Identity
from pyext4.writing.layout import Layout

__all__ = ["Nameless"]


class Nameless:
    """Collects the rows; `emit` writes (first block, whole blocks)."""

    def __init__(
        self,
        store: ImageStore,
        identity: Identity,
        timestamp: int,
        emit: Callable[[int, bytes], None],
    ) -> None:
        self._store = store
        self._identity = identity
        self._time_ns = timestamp * NS_PER_SECOND
        self._emit = emit
        self.rows: dict[int, bytes] = {}  # inode number -> packed row
        self.orphan_file_ino = 0
        self.journal_map: tuple[bytes, int] | None = None  # i_block and size, for the superblock

    def number_values(self, attributes: Attributes, last_ino: int) -> int:
        """Give large values inodes after `last_ino`; return the last one in use."""
        for block in attributes.blocks:
            for entry in block.entries:
                if entry.outside:
                    last_ino += 1
                    block.inos[entry] = last_ino
                    self._add_value(last_ino, entry.value)
        return last_ino

    def _add_value(self, ino: int, value: bytes) -> None:
        """Place one value. Its inode has the value's hash in atime and 1, its users, in version."""
        # giving its segments keeps inline_data from treating a short value like a short file
        stored = self._store.allocate(len(value), ((0, len(value)),))
        self._store.place(value, ((stored, 0, 0, len(value)),))
        value_hash = xattrs.value_hash(self._identity.seed, value)
        atime = value_hash - (1 << 32 if value_hash >> 31 else 0)
        self._add(
            ino,
            len(value),
            sum(extent.blocks for extent in stored.extents),
            extents.tree(stored.extents, (), block_size=self._store.block_size, seed=None)[0],
            flags=EXT4_EXTENTS_FL | EXT4_EA_INODE_FL,
            times=(atime * NS_PER_SECOND, 0, 0, 0),
            version=1,
        )

    def write(self, geometry: Geometry, laid_out: Layout) -> None:
        """Write those whose blocks are in the layout."""
        if laid_out.journal:
            self._write_journal(geometry, laid_out)
        if laid_out.dind_block:
            inode = resize.build(geometry, laid_out.dind_block)
            for block, data in inode.blocks:
                self._emit(block, data)
            self._add(EXT4_RESIZE_INO, inode.size_bytes, inode.blocks_count, inode.i_block)
        if laid_out.orphan_file:
            self._write_orphan_file(laid_out.orphan_file)

    def _write_journal(self, geometry: Geometry, laid_out: Layout) -> None:
        size = geometry.block_size
        blocks = geometry.journal_blocks
        i_block, tree_blocks = extents.tree(
            extents.split(from_runs(laid_out.journal)),
            laid_out.journal_tree,
            block_size=size,
            seed=self._inode_seed(EXT4_JOURNAL_INO),
        )
        head = journal.superblock(self._identity.uuid, blocks=blocks, block_size=size)
        for block, data in (*tree_blocks, (laid_out.journal[0].start, head)):
            self._emit(block, data)
        self.journal_map = (i_block, blocks * size)
        self._add(
            EXT4_JOURNAL_INO,
            blocks * size,
            blocks + len(tree_blocks),
            i_block,
            flags=EXT4_EXTENTS_FL,
        )

    def _write_orphan_file(self, runs: list[Run]) -> None:
        size = self._store.block_size
        ino = self.orphan_file_ino
        seed = self._inode_seed(ino)
        for start, blocks in runs:
            for block in range(start, start + blocks):
                self._emit(block, orphan_file.block_bytes(block, size, seed))
        count = sum(blocks for _, blocks in runs)
        i_block, _ = extents.tree(from_runs(runs), (), block_size=size, seed=None)
        self._add(ino, count * size, count, i_block, flags=EXT4_EXTENTS_FL)

    def _inode_seed(self, ino: int) -> int | None:
        csum_seed = self._identity.csum_seed
        return None if csum_seed is None else checksum.inode_seed(csum_seed, ino)

    def _add(
        self,
        ino: int,
        size_bytes: int,
        blocks: int,
        i_block: bytes,
        *,
        flags: int = 0,
        times: tuple[int, int, int, int] | None = None,
        version: int = 0,
    ) -> None:
        """Add a row: a regular file 0600 of root. `times` are atime, ctime, mtime, crtime in ns."""
        atime, ctime, mtime, crtime = (
            time - FIRST_TIME_NS for time in times or (self._time_ns,) * 4
        )
        row = InodeRow(
            atime=atime,
            ctime=ctime,
            mtime=mtime,
            crtime=crtime,
            size_bytes=size_bytes,
            sectors=blocks * self._store.block_size // 512,
            file_acl=0,
            ino=ino,
            uid=0,
            gid=0,
            flags=flags,
            version=version,
            xattr_offset=0,
            xattr_length=0,
            mode=stat.S_IFREG | 0o600,
            links=1,
            i_block=i_block,
        )
        self.rows[ino] = INODE_ROW.pack(*row)
