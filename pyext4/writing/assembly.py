"""Turn a tree and a store into a whole filesystem: what is decided and written when.

1. `survey` numbers the nodes, `copy_contents` copies data that isn't in the store yet.
2. `collect` places attributes, `measure` counts directory blocks: everything is now countable.
3. `choose` decides the sizes, `lay_out` the blocks of all metadata, still unwritten.
4. The metadata is written, each kind in ascending order; holes in the data are erased.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from pyext4.errors import ContentError
from pyext4.image.copying import copy_contents
from pyext4.image.progress import Meter
from pyext4.image.store import ImageStore
from pyext4.numbers import NS_PER_SECOND
from pyext4.ondisk.dir_entry import DX_HASH_HALF_MD4, DX_HASH_TEA
from pyext4.ondisk.extent import EXT_INIT_MAX_LEN
from pyext4.options import Options
from pyext4.space.geometry import FIRST_INO, Fixed, Geometry
from pyext4.space.runs import Extent, Run
from pyext4.space.sizing import INODE_SIZE, Needs, choose
from pyext4.structures import extents, superblock_fields, xattrs
from pyext4.structures.feature_sets import forbidden
from pyext4.tree import Metadata, Symlink, Tree
from pyext4.writing import groups
from pyext4.writing.attribute_blocks import Attributes, collect
from pyext4.writing.directory_blocks import Directories, HashParameters, measure
from pyext4.writing.identity import identify
from pyext4.writing.inode_limits import check_limits
from pyext4.writing.inode_rows import IN_INODE_LINK, Tables
from pyext4.writing.layout import Demands, Layout, lay_out
from pyext4.writing.nameless import Nameless
from pyext4.writing.survey import path_of, survey

__all__ = ["HASH_VERSIONS", "Assembled", "Assembly"]

HASH_VERSIONS: Final = {"half_md4": DX_HASH_HALF_MD4, "tea": DX_HASH_TEA}
_INODE_ROOM: Final = INODE_SIZE - 128 - superblock_fields.EXTRA_ISIZE


class Assembled(NamedTuple):
    """What was made."""

    geometry: Geometry
    features: frozenset[str]
    uuid: UUID
    free_blocks: int
    free_inodes: int
    files: int


class Assembly:
    """What the steps pass on to each other.

    Creating one reads the tree and changes nothing; both that and `run` raise the same errors as
    `pyext4.writing.writer.Ext4Writer.commit`.
    """

    def __init__(
        self,
        store: ImageStore,
        fixed: Fixed,
        tree: Tree,
        options: Options,
        features: frozenset[str],
        *,
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._store = store
        self._fixed = fixed
        self._options = options
        self._features = features
        time_ns = options.timestamp * NS_PER_SECOND
        self._survey = survey(tree, Metadata(mode=0o700, mtime_ns=time_ns))
        self._identity = identify(options, self._survey, csum="metadata_csum" in features)
        self._path_of = partial(path_of, tree)
        check_limits(
            self._survey,
            max_file_bytes=store.max_file_bytes(huge_file="huge_file" in features),
            dir_nlink="dir_nlink" in features,
            path_of=self._path_of,
        )
        self._nameless = Nameless(store, self._identity, options.timestamp, self._emit)

    def run(self) -> Assembled:
        """Write everything, but don't set the file's length."""
        surveyed = self._survey
        contents = copy_contents(self._store, surveyed.nodes, self._path_of, self._meter)
        attributes = collect(
            surveyed.nodes,
            inode_room=_INODE_ROOM,
            block_size=self._fixed.block_size,
            inline=contents.inline,
            ea_inode="ea_inode" not in forbidden(self._options.profile, self._options.features),
            path_of=self._path_of,
        )
        last_ino = self._number_nameless(attributes)
        demands = Demands(
            directories=self._measure_directories(),
            attributes=attributes,
            links=self._long_links(),
            fragmented=_fragmented(contents.extents),
            resize_inode="resize_inode" in self._features,
            orphan_file="orphan_file" in self._features,
        )
        geometry = self._choose(demands, last_ino)
        laid_out = lay_out(geometry, self._store.allocator, demands)
        # the journal and the end of each inode table are zeros, which nobody writes
        blocks = demands.blocks(geometry.block_size) + geometry.groups * (
            geometry.itable_blocks + 2
        )
        self._meter.begin("metadata", blocks * geometry.block_size)
        self._nameless.write(geometry, laid_out)
        tables = Tables(
            geometry=geometry,
            survey=surveyed,
            layout=laid_out,
            attributes=attributes,
            contents=contents,
            fragmented=demands.fragmented,
            directory_blocks=demands.directories.blocks,
            indexed=frozenset(demands.directories.indexes),
            nameless=self._nameless.rows,
            fs_seed=self._identity.csum_seed,
            path_of=self._path_of,
        )
        for block, data in tables.write(self._emit):
            self._emit(block, data)
        self._write_directories(demands, laid_out)
        self._write_attributes(attributes, laid_out)
        for node, block in laid_out.links.items():
            self._emit(block, demands.links[node].ljust(self._fixed.block_size, b"\0"))
        self._store.punch_holes()
        made = self._write_groups(geometry, laid_out, last_ino)
        self._meter.end()
        return made

    def _emit(self, block: int, data: bytes | bytearray) -> None:
        self._meter.advance(len(data))
        self._store.write(data, (Run(block, len(data) // self._fixed.block_size),))

    def _measure_directories(self) -> Directories:
        version = HASH_VERSIONS[self._options.hash_version]
        return measure(
            self._survey,
            block_size=self._fixed.block_size,
            csum=self._identity.csum,
            parameters=HashParameters(
                version=version if "dir_index" in self._features else None,
                seed=self._identity.hash_seed.bytes,
            ),
            path_of=self._path_of,
        )

    def _number_nameless(self, attributes: Attributes) -> int:
        """Number the inodes after the tree's; return the last number in use."""
        last_ino = self._survey.ino_of(len(self._survey.nodes) - 1)
        if attributes.outside:
            self._features |= {"ea_inode"}
            last_ino = self._nameless.number_values(attributes, last_ino)
        if "orphan_file" in self._features:
            last_ino += 1
            self._nameless.orphan_file_ino = last_ino
        return last_ino

    def _long_links(self) -> dict[int, bytes]:
        """Return the targets that don't fit into their inodes."""
        links: dict[int, bytes] = {}
        most = min(self._fixed.block_size - 1, 4095)  # PATH_MAX with its NUL, or one block
        for index, node in enumerate(self._survey.nodes):
            if type(node) is Symlink and not 0 < len(node.target) <= IN_INODE_LINK:
                if not 0 < len(node.target) <= most:
                    reason = f"a link's target must be 1 to {most} bytes, not: {len(node.target)}"
                    raise ContentError(self._path_of(node), reason)
                links[index] = node.target
        return links

    def _choose(self, demands: Demands, last_ino: int) -> Geometry:
        needs = Needs(
            nodes=last_ino - FIRST_INO + 1,
            data_blocks=self._store.data_blocks,
            metadata_blocks=demands.blocks(self._fixed.block_size),
            journal="has_journal" in self._features,
            resize_inode=demands.resize_inode,
            packed=self._options.smallest or self._options.profile == "readonly",
        )
        return choose(self._fixed, self._store.allocator, needs, self._options)

    def _write_directories(self, demands: Demands, laid_out: Layout) -> None:
        number = 0
        blocks = demands.directories.blocks
        for count, data in demands.directories.fill(self._identity.csum_seed):
            runs: list[Run] = []
            for n in range(number, number + count):
                runs += laid_out.cut_directories.get(n) or [Run(laid_out.directories[n], blocks[n])]
            self._store.write(data, runs)
            self._meter.advance(len(data))
            number += count

    def _write_attributes(self, attributes: Attributes, laid_out: Layout) -> None:
        for shared, block in zip(attributes.blocks, laid_out.attributes, strict=True):
            data = xattrs.block_bytes(
                shared.entries,
                block=block,
                block_size=self._fixed.block_size,
                refcount=shared.users,
                inos=shared.inos,
                seed=self._identity.seed,
                csum=self._identity.csum,
            )
            self._emit(block, data)

    def _write_groups(self, geometry: Geometry, laid_out: Layout, last_ino: int) -> Assembled:
        """Write bitmaps, then descriptors and superblocks."""
        made = groups.build(
            geometry,
            laid_out,
            self._store.allocator,
            last_ino=last_ino,
            directories=map(self._survey.ino_of, self._survey.directories),
            sums=groups.Sums(
                fs_seed=self._identity.csum_seed,
                uuid=self._identity.uuid if "uninit_bg" in self._features else None,
            ),
        )
        for block, bitmap in made.bitmaps:
            self._emit(block, bitmap)
        free_inodes = geometry.inodes_count - last_ino
        fields = superblock_fields.describe(
            geometry,
            superblock_fields.Facts(
                features=self._features,
                uuid=self._identity.uuid,
                hash_seed=self._identity.hash_seed,
                hash_version=HASH_VERSIONS[self._options.hash_version],
                label=self._options.label,
                timestamp=self._options.timestamp,
                free_blocks=made.free_blocks,
                free_inodes=free_inodes,
                reserved_blocks=int(geometry.blocks_count * self._options.reserved_percent / 100),
                journal=self._nameless.journal_map,
                orphan_file_ino=self._nameless.orphan_file_ino,
            ),
        )
        size = geometry.block_size
        descriptors = made.descriptors.ljust(geometry.gdt_blocks * size, b"\0")
        for group in geometry.copies():
            packed = superblock_fields.pack(fields, group, csum=self._identity.csum)
            start = geometry.fixed.group_start(group)
            if group == 0 and size > 1024:
                packed = bytes(1024) + packed  # its first KiB is for a boot loader
            self._emit(start, packed.ljust(size, b"\0"))
            self._emit(start + 1, descriptors)
        self._store.flush()
        return Assembled(
            geometry=geometry,
            features=self._features,
            uuid=self._identity.uuid,
            free_blocks=made.free_blocks,
            free_inodes=free_inodes,
            files=len(self._survey.nodes) - 2,  # the root and lost+found
        )


def _fragmented(contents: list[tuple[Extent, ...]]) -> dict[int, list[Extent]]:
    """Return the extents of the files that need more than one entry of a tree."""
    return {
        index: extents.split(pieces)
        for index, pieces in enumerate(contents)
        if pieces and (len(pieces) > 1 or pieces[0].blocks > EXT_INIT_MAX_LEN)
    }
