"""The library's interface for writing: a tree to a file, or a store first and the tree later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from pyext4.errors import OptionsError
from pyext4.image.output_file import Output
from pyext4.image.store import ImageStore
from pyext4.numbers import MAX_32, ceil_div
from pyext4.options import Options
from pyext4.space.allocator import Allocator
from pyext4.space.geometry import MAX_RESIZE_BLOCKS
from pyext4.space.sizing import check_groups, fixed_for
from pyext4.structures.feature_sets import resolve
from pyext4.structures.xattrs import INLINE_MAX_BYTES
from pyext4.tree import File, Tree
from pyext4.writing.assembly import HASH_VERSIONS, Assembly
from pyext4.writing.field_types import WRONG_TYPE, check_options, check_tree, check_whole_tree

if TYPE_CHECKING:
    from pyext4.qcow2 import Overlay
    from pyext4.verity import Verity

__all__ = ["Ext4Writer", "Written", "write_ext4"]

_BLOCK_SIZES = (1024, 2048, 4096)
# While the size is unknown, as much room for descriptors is kept as mke2fs keeps in a filesystem of
# this size: it can grow to 2 TiB with 4 KiB blocks, and costs 1 MiB of holes for each copy.
_EXPECTED_BYTES = 2 << 30
_DEFAULT_FREE_BYTES = 64 << 20
_LAST_SECOND = (1 << 34) - (1 << 31) - 1  # the last in inodes, in 2446; superblocks hold more


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
    files_count: int  # in the tree, of all types, without the root, /lost+found and ext4's own
    uuid: UUID
    label: bytes
    features: tuple[str, ...]  # mke2fs's names, sorted
    verity: Verity | None = None  # the hash area after the filesystem; size_bytes includes it
    overlay: Overlay | None = None  # the qcow2 image that `path` is; size_bytes is its disk's


class Ext4Writer:
    """Writes one image: file data to `store` as it arrives, everything else in `commit`.

    Use it as a context manager. Until `commit` has returned, no new file appears at `path`, and
    an existing one stays.
    """

    store: ImageStore

    def __init__(
        self,
        path: Path | str,
        options: Options | None = None,
        *,
        expected_bytes: int | None = None,
        onto: Path | None = None,
    ) -> None:
        """Check the options; `expected_bytes` is the approximate size of the image.

        With `onto`, what is made is a qcow2 image that holds what differs from that raw image; see
        `pyext4.qcow2.write_qcow2`.

        Raises:
            OptionsError: an option is out of its range, or contradicts another.
        """
        self._path = Path(path)
        self._onto = onto
        self._options = Options() if options is None else options
        check_options(self._options)
        _check(self._options)
        features = resolve(self._options.profile, self._options.features)
        _check_together(self._options, features)
        if self._options.verity is not None:
            from pyext4.verity.writing import check_verity  # noqa: PLC0415  # rarely needed

            check_verity(self._options.verity, features)
        blocks = ceil_div(
            self._options.size_bytes or expected_bytes or _EXPECTED_BYTES,
            self._options.block_size_bytes,
        )
        if blocks > MAX_RESIZE_BLOCKS:
            if "resize_inode" in self._options.features:
                raise OptionsError("features", "can't be made at this size: resize_inode")
            features -= {"resize_inode"}  # its map has 32-bit numbers; mke2fs does the same
        self._features = features
        self._fixed = fixed_for(
            self._options,
            blocks,
            desc_size=64 if "64bit" in features else 32,
            resize_inode="resize_inode" in features,
        )
        if self._options.size_bytes is not None:
            check_groups(self._fixed, blocks)
        self._output: Output | None = None
        self._begun = False  # writing has started and can't be undone

    def __enter__(self) -> Self:
        """Create the new file; raises OSError."""
        options = self._options
        self._output = Output(self._path)
        size_bytes = options.size_bytes
        limit = None if size_bytes is None else size_bytes // options.block_size_bytes
        self.store = ImageStore(
            self._output.fd,
            Allocator(self._fixed),
            options.block_size_bytes,
            limit_blocks=limit,
            inline_bytes=INLINE_MAX_BYTES if "inline_data" in self._features else 0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the file if it was not committed."""
        if self._output is not None:
            self.store.close()
            self._output.close()
            self._output = None

    def commit(self, tree: Tree) -> Written:
        """Write the filesystem that holds `tree` and put it at its path.

        Contents that are not in `store` are copied there, in sorted order. Contents in `store` that
        are no longer in the tree are erased.

        Raises:
            TypeError: something in the tree has a wrong type; the message has its path.
            ContentError: the tree holds something that ext4 can't.
            DoesNotFitError: the requested size is too small; the error has the size that is enough.
            OptionsError: the options don't suit the content.
            RootHashError: the root hash is not the one that the options ask for.
            OSError: reading a content or writing the image failed.
        """
        if self._output is None:
            msg = "commit outside the with block"
            raise RuntimeError(msg)
        if self._begun:
            msg = "commit called a second time, make another Ext4Writer"
            raise RuntimeError(msg)
        check_tree(tree)
        try:
            assembly = Assembly(self.store, self._fixed, tree, self._options, self._features)
            self._begun = True
            made = assembly.run()
        except WRONG_TYPE:
            check_whole_tree(tree)
            raise
        geometry = made.geometry
        size_bytes = self._options.size_bytes or geometry.blocks_count * geometry.block_size
        verity = self._append_verity(self._output.fd, size_bytes, made.uuid)
        if verity is not None:
            size_bytes = verity.size_bytes
        overlay = self._publish(self._output, size_bytes)
        return Written(
            path=self._path,
            size_bytes=size_bytes,
            block_size_bytes=geometry.block_size,
            blocks_count=geometry.blocks_count,
            free_blocks_count=made.free_blocks,
            inodes_count=geometry.inodes_count,
            free_inodes_count=made.free_inodes,
            files_count=made.files,
            uuid=made.uuid,
            label=self._options.label,
            features=tuple(sorted(made.features)),
            verity=verity,
            overlay=overlay,
        )

    def _publish(self, output: Output, size_bytes: int) -> Overlay | None:
        if self._onto is None:
            output.publish(size_bytes)
            return None
        from pyext4.qcow2.difference import Disk  # noqa: PLC0415  # rarely needed
        from pyext4.qcow2.writer import write_overlay  # noqa: PLC0415

        image = Disk(fd=output.fd, path=output.target, size_bytes=size_bytes)
        return write_overlay(image, self._onto, self._path)  # leaving the context removes the image

    def _append_verity(self, fd: int, size_bytes: int, uuid: UUID) -> Verity | None:
        if self._options.verity is None:
            return None
        from pyext4.verity.writing import append_checked  # noqa: PLC0415  # rarely needed

        return append_checked(
            fd,
            size_bytes,
            self._options.verity,
            uuid=uuid,
            block_size=self._options.block_size_bytes,
        )


def write_ext4(tree: Tree, path: Path | str, options: Options | None = None) -> Written:
    """Write an ext4 filesystem that holds `tree`; equal trees and options give equal bytes.

    Raises:
        TypeError: an option or something in the tree has a wrong type.
        Ext4Error: see `Ext4Writer.commit`.
        OSError: reading a content or writing the image failed; nothing is left behind.
    """
    options = Options() if options is None else options
    check_options(options)
    check_tree(tree)
    try:
        content = sum(node.size for node in tree.nodes() if isinstance(node, File))
    except WRONG_TYPE:
        check_whole_tree(tree)
        raise
    free = options.free_bytes
    expected_bytes = content + content // 8 + (_DEFAULT_FREE_BYTES if free is None else free)
    with Ext4Writer(path, options, expected_bytes=expected_bytes) as writer:
        return writer.commit(tree)


def _check(options: Options) -> None:
    if options.block_size_bytes not in _BLOCK_SIZES:
        reason = f"must be 1024, 2048 or 4096, not: {options.block_size_bytes}"
        raise OptionsError("block size", reason)
    if len(options.label) > 16 or b"\0" in options.label:
        raise OptionsError("label", f"must be up to 16 bytes without NUL, not: {options.label!r}")
    if not 0 <= options.reserved_percent <= 50:
        raise OptionsError("reserved", f"must be 0 to 50 percent, not: {options.reserved_percent}")
    if not 0 <= options.timestamp <= _LAST_SECOND:
        raise OptionsError("timestamp", f"must be 0 to {_LAST_SECOND}, not: {options.timestamp}")
    for name, value, least in (
        ("size", options.size_bytes, 1),
        ("free", options.free_bytes, 0),
        ("inodes", options.inodes, 1),
        ("bytes per inode", options.bytes_per_inode, 1),
        ("journal size", options.journal_bytes, 1),
    ):
        if value is not None and value < least:
            raise OptionsError(name, f"must be {least} or more, not: {value}")
    if options.smallest and (options.size_bytes is not None or options.free_bytes):
        raise OptionsError("size", "smallest can't be combined with another size")
    if options.inodes is not None and options.inodes > MAX_32:
        raise OptionsError("inodes", f"ext4 has at most {MAX_32}: {options.inodes}")
    if options.hash_version not in HASH_VERSIONS:
        reason = f"must be one of {', '.join(HASH_VERSIONS)}, not: {options.hash_version}"
        raise OptionsError("hash version", reason)


def _check_together(options: Options, features: frozenset[str]) -> None:
    """Refuse an option that another makes meaningless."""
    if options.journal_bytes is not None and "has_journal" not in features:
        raise OptionsError("journal size", "needs the feature has_journal")
    if options.inodes is not None and options.bytes_per_inode is not None:
        raise OptionsError("inodes", "can't be combined with bytes per inode")
