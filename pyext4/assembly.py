"""From a tree and a store to a whole filesystem: what is decided when, and what is written when.

1. `survey` numbers the nodes, `place_contents` brings in the data that isn't there yet.
2. `collect` places attributes, `measure` counts directory blocks: everything is now countable.
3. `choose` decides the sizes, `lay_out` the blocks of all metadata. Nothing was written of it.
4. The metadata is written, each kind in ascending order; holes in the data are erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from pyext4 import checksum, extents, groups, journal, layout, orphan, resize, superblock, xattrs
from pyext4.allocator import Run
from pyext4.attributes import Attributes, collect
from pyext4.contents import place_contents
from pyext4.directories import HashParameters, measure
from pyext4.errors import ContentError
from pyext4.geometry import FIRST_INO, Fixed, Geometry
from pyext4.identity import derived_uuid, tree_uuid
from pyext4.inodes import IN_INODE_LINK, Internal, Tables, pack_internal
from pyext4.limits import check_limits
from pyext4.ondisk.dir_entry import DX_HASH_HALF_MD4, DX_HASH_TEA
from pyext4.ondisk.extent import EXT_INIT_MAX_LEN
from pyext4.ondisk.inode import (
    EXT4_EA_INODE_FL,
    EXT4_EXTENTS_FL,
    EXT4_JOURNAL_INO,
    EXT4_RESIZE_INO,
)
from pyext4.options import Options
from pyext4.sizing import INODE_SIZE, Needs, choose
from pyext4.store import Extent, ImageStore, from_runs
from pyext4.survey import Survey, path_of, survey
from pyext4.tree import Metadata, Symlink, Tree

__all__ = ["Assembled", "assemble"]

_HASH_VERSIONS: Final = {"half_md4": DX_HASH_HALF_MD4, "tea": DX_HASH_TEA}
_INODE_ROOM: Final = INODE_SIZE - 128 - superblock.EXTRA_ISIZE
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What was made."""

    geometry: Geometry
    features: frozenset[str]
    uuid: UUID
    free_blocks: int
    free_inodes: int


def assemble(
    store: ImageStore, fixed: Fixed, tree: Tree, options: Options, features: frozenset[str]
) -> Assembled:
    """Write everything but the file's length.

    Raises:
        Ext4Error: see `pyext4.writer.Ext4Writer.commit`.
    """
    return _Assembly(store, fixed, tree, options, features).run()


class _Assembly:
    """What the steps hand on to each other."""

    def __init__(
        self,
        store: ImageStore,
        fixed: Fixed,
        tree: Tree,
        options: Options,
        features: frozenset[str],
    ) -> None:
        self._store = store
        self._fixed = fixed
        self._options = options
        self._features = features
        self._survey = survey(tree, Metadata(mode=0o700, mtime_ns=options.timestamp * _NS))
        self._uuid = options.uuid or tree_uuid(self._survey)
        self._hash_seed = options.hash_seed or derived_uuid(b"pyext4 hash seed", self._uuid.bytes)
        self._seed = checksum.fs_seed(self._uuid)
        self._csum = "metadata_csum" in features
        self._fs_seed = self._seed if self._csum else None
        self._path_of = partial(path_of, tree)
        self._internal: dict[int, bytes] = {}
        self._orphan_file_ino = 0

    def run(self) -> Assembled:
        block_size = self._fixed.block_size
        surveyed = self._survey
        check_limits(
            surveyed,
            max_file_bytes=self._store.max_file_bytes,
            dir_nlink="dir_nlink" in self._features,
            path_of=self._path_of,
        )
        contents = place_contents(self._store, surveyed.nodes, self._path_of)
        attributes = collect(
            surveyed.nodes,
            inode_room=_INODE_ROOM,
            block_size=block_size,
            inline=contents.inline,
            path_of=self._path_of,
        )
        last_ino = self._place_values(attributes, surveyed.ino_of(len(surveyed.nodes) - 1))
        if "orphan_file" in self._features:
            last_ino = self._orphan_file_ino = last_ino + 1
        directories = measure(
            surveyed, block_size=block_size, csum=self._csum, parameters=self._hash_parameters()
        )
        metadata = layout.Metadata(
            directories=directories,
            attributes=attributes,
            links=self._long_links(surveyed),
            fragmented=_fragmented(contents.extents),
            resize_inode="resize_inode" in self._features,
            orphan_file="orphan_file" in self._features,
        )
        geometry = self._choose(metadata, last_ino)
        laid_out = layout.lay_out(geometry, self._store.allocator, metadata)
        journal_map = self._write_journal(geometry, laid_out)
        if metadata.resize_inode:
            self._write_resize_inode(geometry, laid_out.dind_block)
        if laid_out.orphan_file:
            self._write_orphan_file(laid_out.orphan_file)
        tables = Tables(
            geometry=geometry,
            survey=surveyed,
            layout=laid_out,
            attributes=attributes,
            contents=contents,
            fragmented=metadata.fragmented,
            directory_blocks=directories.blocks,
            indexed=frozenset(directories.indexes),
            internal=self._internal,
            fs_seed=self._fs_seed,
            path_of=self._path_of,
        )
        for block, data in tables.write(self._emit):
            self._emit(block, data)
        self._write_directories(metadata, laid_out)
        self._write_attributes(attributes, laid_out)
        for node, block in laid_out.links.items():
            self._emit(block, metadata.links[node].ljust(block_size, b"\0"))
        self._store.punch_holes()
        return self._write_groups(geometry, laid_out, surveyed, last_ino, journal_map)

    def _emit(self, block: int, data: bytes | bytearray) -> None:
        self._store.write(data, ((block, len(data) // self._fixed.block_size),))

    def _hash_parameters(self) -> HashParameters:
        version = _HASH_VERSIONS[self._options.hash_version]
        return HashParameters(
            version=version if "dir_index" in self._features else None,
            seed=self._hash_seed.bytes,
        )

    def _place_values(self, attributes: Attributes, last_ino: int) -> int:
        """Give values of attributes that need it inodes; return the last inode number in use."""
        if not attributes.outside:
            return last_ino
        self._features |= {"ea_inode"}
        for block in attributes.blocks:
            for entry in block.entries:
                if entry.outside:
                    last_ino += 1
                    block.inos[entry] = last_ino
                    self._internal[last_ino] = self._value_inode(last_ino, entry)
        return last_ino

    def _value_inode(self, ino: int, entry: xattrs.Entry) -> bytes:
        """Place one value. Its inode has the value's hash in atime and 1, its users, in version."""
        stored = self._store.allocate(len(entry.value))
        self._store.place(entry.value, ((stored, 0, 0, len(entry.value)),))
        blocks = sum(extent[2] for extent in stored.extents)
        i_block, _ = extents.tree(stored.extents, (), block_size=self._fixed.block_size, seed=None)
        value_hash = xattrs.value_hash(self._seed, entry.value)
        atime = value_hash - (1 << 32 if value_hash >> 31 else 0)
        return pack_internal(
            Internal(
                ino=ino,
                size_bytes=len(entry.value),
                sectors=blocks * self._fixed.block_size // 512,
                i_block=i_block,
                flags=EXT4_EXTENTS_FL | EXT4_EA_INODE_FL,
                time_ns=(atime * _NS, 0, 0, 0),
                version=1,
            )
        )

    def _long_links(self, surveyed: Survey) -> dict[int, bytes]:
        """Return the targets that don't fit into their inodes."""
        links: dict[int, bytes] = {}
        most = min(self._fixed.block_size - 1, 4095)  # PATH_MAX with its NUL, or one block
        for index, node in enumerate(surveyed.nodes):
            if type(node) is Symlink and not 0 < len(node.target) <= IN_INODE_LINK:
                if not 0 < len(node.target) <= most:
                    reason = f"a link's target has 1 to {most} bytes, not: {len(node.target)}"
                    raise ContentError(self._path_of(node), reason)
                links[index] = node.target
        return links

    def _choose(self, metadata: layout.Metadata, last_ino: int) -> Geometry:
        needs = Needs(
            nodes=last_ino - FIRST_INO + 1,
            data_blocks=self._store.data_blocks,
            metadata_blocks=metadata.blocks(self._fixed.block_size),
            journal="has_journal" in self._features,
            resize_inode=metadata.resize_inode,
            packed=self._options.smallest or self._options.profile == "readonly",
        )
        return choose(self._fixed, self._store.allocator, needs, self._options)

    def _write_orphan_file(self, runs: list[Run]) -> None:
        ino = self._orphan_file_ino
        seed = None if self._fs_seed is None else checksum.inode_seed(self._fs_seed, ino)
        for start, blocks in runs:
            for block in range(start, start + blocks):
                self._emit(block, orphan.block_bytes(block, self._fixed.block_size, seed))
        size_bytes = sum(blocks for _, blocks in runs) * self._fixed.block_size
        i_block, _ = extents.tree(from_runs(runs), (), block_size=self._fixed.block_size, seed=None)
        self._add_internal(ino, size_bytes, size_bytes // 512, i_block, EXT4_EXTENTS_FL)

    def _write_journal(
        self, geometry: Geometry, laid_out: layout.Layout
    ) -> tuple[bytes, int] | None:
        """Write the journal's superblock; return its map and size, or None without one."""
        if not laid_out.journal:
            return None
        pieces = extents.split(from_runs(laid_out.journal))
        seed = None
        if self._fs_seed is not None:
            seed = checksum.inode_seed(self._fs_seed, EXT4_JOURNAL_INO)
        i_block, tree_blocks = extents.tree(
            pieces, laid_out.journal_tree, block_size=geometry.block_size, seed=seed
        )
        for block, data in tree_blocks:
            self._emit(block, data)
        blocks = geometry.journal_blocks
        self._emit(
            laid_out.journal[0][0],
            journal.superblock(self._uuid, blocks=blocks, block_size=geometry.block_size),
        )
        size_bytes = blocks * geometry.block_size
        sectors = (blocks + len(tree_blocks)) * geometry.block_size // 512
        self._add_internal(EXT4_JOURNAL_INO, size_bytes, sectors, i_block, EXT4_EXTENTS_FL)
        return i_block, size_bytes

    def _write_resize_inode(self, geometry: Geometry, dind_block: int) -> None:
        inode = resize.build(geometry, dind_block)
        for block, data in inode.blocks:
            self._emit(block, data)
        self._add_internal(EXT4_RESIZE_INO, inode.size_bytes, inode.sectors, inode.i_block, 0)

    def _add_internal(
        self, ino: int, size_bytes: int, sectors: int, i_block: bytes, flags: int
    ) -> None:
        time_ns = self._options.timestamp * _NS
        self._internal[ino] = pack_internal(
            Internal(
                ino=ino,
                size_bytes=size_bytes,
                sectors=sectors,
                i_block=i_block,
                flags=flags,
                time_ns=(time_ns,) * 4,
            )
        )

    def _write_directories(self, metadata: layout.Metadata, laid_out: layout.Layout) -> None:
        number = 0
        blocks = metadata.directories.blocks
        for count, data in metadata.directories.fill(self._fs_seed):
            runs: list[tuple[int, int]] = []
            for n in range(number, number + count):
                runs += laid_out.cut_directories.get(n) or [(laid_out.directories[n], blocks[n])]
            self._store.write(data, runs)
            number += count

    def _write_attributes(self, attributes: Attributes, laid_out: layout.Layout) -> None:
        for shared, block in zip(attributes.blocks, laid_out.attributes, strict=True):
            data = xattrs.block_bytes(
                shared.entries,
                block=block,
                block_size=self._fixed.block_size,
                refcount=shared.users,
                inos=shared.inos,
                seed=self._seed,
                csum=self._csum,
            )
            self._emit(block, data)

    def _write_groups(
        self,
        geometry: Geometry,
        laid_out: layout.Layout,
        surveyed: Survey,
        last_ino: int,
        journal_map: tuple[bytes, int] | None,
    ) -> Assembled:
        """Write bitmaps, then descriptors and superblocks."""
        made = groups.build(
            geometry,
            laid_out,
            self._store.allocator,
            last_ino=last_ino,
            directories=map(surveyed.ino_of, surveyed.directories),
            sums=groups.Sums(
                fs_seed=self._fs_seed, uuid=self._uuid if "uninit_bg" in self._features else None
            ),
        )
        for block, bitmap in made.bitmaps:
            self._emit(block, bitmap)
        free_inodes = geometry.inodes_count - last_ino
        fields = superblock.describe(
            geometry,
            superblock.Facts(
                features=self._features,
                uuid=self._uuid,
                hash_seed=self._hash_seed,
                hash_version=_HASH_VERSIONS[self._options.hash_version],
                label=self._options.label,
                timestamp=self._options.timestamp,
                free_blocks=made.free_blocks,
                free_inodes=free_inodes,
                reserved_blocks=int(geometry.blocks_count * self._options.reserved_percent / 100),
                journal=journal_map,
                orphan_file_ino=self._orphan_file_ino,
            ),
        )
        size = geometry.block_size
        descriptors = made.descriptors.ljust(geometry.gdt_blocks * size, b"\0")
        for group in geometry.copies():
            packed = superblock.pack(fields, group, csum=self._csum)
            start = geometry.fixed.group_start(group)
            if group == 0 and size > 1024:
                packed = bytes(1024) + packed  # its first KiB is for a boot loader
            self._emit(start, packed.ljust(size, b"\0"))
            self._emit(start + 1, descriptors)
        self._store.flush()
        return Assembled(
            geometry=geometry,
            features=self._features,
            uuid=self._uuid,
            free_blocks=made.free_blocks,
            free_inodes=free_inodes,
        )


def _fragmented(contents: list[tuple[Extent, ...]]) -> dict[int, list[Extent]]:
    """Return the extents of the files that one entry of a tree can't describe."""
    return {
        index: extents.split(placed)
        for index, placed in enumerate(contents)
        if placed and (len(placed) > 1 or placed[0][2] > EXT_INIT_MAX_LEN)
    }
