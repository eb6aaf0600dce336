"""The library's entrance for writing: a tree to a file, or a store first and the tree later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from pyext4.allocator import Allocator
from pyext4.assembly import assemble
from pyext4.errors import OptionsError
from pyext4.features import resolve
from pyext4.geometry import Fixed, ceil_div, descriptor_blocks, reserved_gdt_blocks
from pyext4.options import Options
from pyext4.output import Output
from pyext4.store import ImageStore
from pyext4.tree import File, Tree

__all__ = ["Ext4Writer", "Written", "write_ext4"]

_BLOCK_SIZES = (1024, 2048, 4096)
# With the size still unknown, room for descriptors is kept as mke2fs keeps it in a filesystem of
# this size: it can grow to 2 TiB with 4 KiB blocks, and it costs 1 MiB a copy, of holes.
_EXPECTED_BYTES = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was made."""

    path: Path
    size_bytes: int
    block_size_bytes: int
    blocks_count: int
    free_blocks_count: int
    inodes_count: int
    free_inodes_count: int
    uuid: UUID
    label: bytes
    features: tuple[str, ...]  # mke2fs's names, sorted


class Ext4Writer:
    """Writes one image: file data into `store` as it comes, everything else in `commit`.

    Use it as a context manager. Until `commit` has returned there is no file at `path`, and
    whatever was there stays.
    """

    store: ImageStore

    def __init__(
        self, path: Path, options: Options | None = None, *, expected_bytes: int | None = None
    ) -> None:
        """Check the options; `expected_bytes` is about how large the image will become.

        Raises:
            OptionsError: an option is out of its range, or contradicts another.
        """
        self._path = Path(path)
        self._options = options or Options()
        self._features = resolve(self._options.profile, self._options.features)
        self._fixed = _fixed(self._options, self._features, expected_bytes or _EXPECTED_BYTES)
        self._output: Output | None = None

    def __enter__(self) -> Self:
        """Create the new file; raises OSError."""
        options = self._options
        self._output = Output(self._path)
        size_bytes = options.size_bytes
        limit = None if size_bytes is None else size_bytes // options.block_size_bytes
        self.store = ImageStore(
            self._output.fd, Allocator(self._fixed), options.block_size_bytes, limit
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        if self._output is not None:
            self._output.close()
            self._output = None

    def commit(self, tree: Tree) -> Written:
        """Write the filesystem that holds `tree` and put it at its path.

        Contents that are not in `store` are copied there, in sorted order.

        Raises:
            ContentError: the tree holds something that ext4 can't.
            DoesNotFitError: the size asked for is too small; the error has the size that would do.
            OptionsError: the options don't go with the content.
            OSError: reading a content or writing the image failed.
        """
        if self._output is None:
            msg = "commit outside the with block"
            raise RuntimeError(msg)
        made = assemble(self.store, self._fixed, tree, self._options, self._features)
        geometry = made.geometry
        size_bytes = self._options.size_bytes or geometry.blocks_count * geometry.block_size
        self._output.publish(size_bytes)
        return Written(
            path=self._path,
            size_bytes=size_bytes,
            block_size_bytes=geometry.block_size,
            blocks_count=geometry.blocks_count,
            free_blocks_count=made.free_blocks,
            inodes_count=geometry.inodes_count,
            free_inodes_count=made.free_inodes,
            uuid=made.uuid,
            label=self._options.label,
            features=tuple(sorted(made.features)),
        )


def write_ext4(tree: Tree, path: Path, options: Options | None = None) -> Written:
    """Write an ext4 filesystem that holds `tree`; equal trees and options give equal bytes.

    Raises:
        Ext4Error: see `Ext4Writer.commit`.
        OSError: reading a content or writing the image failed; nothing is left behind.
    """
    content = sum(node.size for _, node in tree.walk() if isinstance(node, File))
    with Ext4Writer(path, options, expected_bytes=content) as writer:
        return writer.commit(tree)


def _fixed(options: Options, features: frozenset[str], expected_bytes: int) -> Fixed:
    block_size = options.block_size_bytes
    if block_size not in _BLOCK_SIZES:
        raise OptionsError("block size", f"must be 1024, 2048 or 4096, not: {block_size}")
    if len(options.label) > 16:
        raise OptionsError("label", f"has more than 16 bytes: {options.label!r}")
    if not 0 <= options.reserved_percent <= 50:
        raise OptionsError("reserved", f"must be 0 to 50 percent, not: {options.reserved_percent}")
    desc_size = 64 if "64bit" in features else 32
    blocks = ceil_div(options.size_bytes or expected_bytes * 5 // 4, block_size)
    area = descriptor_blocks(blocks, block_size=block_size, desc_size=desc_size)
    if "resize_inode" in features:
        area += reserved_gdt_blocks(blocks, block_size=block_size, desc_size=desc_size)
    return Fixed(block_size=block_size, desc_size=desc_size, gdt_area_blocks=area)
