"""The library's interface for writing: a tree to a file, or a store first and the tree later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from pyext4.errors import DoesNotFitError, OptionsError
from pyext4.image.output_file import Output
from pyext4.image.progress import Cancelled, Meter, Progress
from pyext4.image.store import ImageStore
from pyext4.numbers import MAX_32, ceil_div
from pyext4.options import Options
from pyext4.space.allocator import Allocator
from pyext4.space.geometry import MAX_RESIZE_BLOCKS
from pyext4.space.sizing import Needs, check_groups, choose, fixed_for
from pyext4.structures.feature_sets import resolve
from pyext4.structures.xattrs import INLINE_MAX_BYTES
from pyext4.tree import File, Tree
from pyext4.writing.assembly import HASH_VERSIONS, Assembly
from pyext4.writing.field_types import WRONG_TYPE, check_options, check_tree, check_whole_tree
from pyext4.writing.written import Written

if TYPE_CHECKING:
    from pyext4.image.in_place import InPlace, Target
    from pyext4.qcow2 import Overlay
    from pyext4.verity import Verity

__all__ = ["Ext4Writer", "write_ext4"]

_BLOCK_SIZES = (1024, 2048, 4096)
# While the size is unknown, as much room for descriptors is kept as mke2fs keeps in a filesystem of
# this size: it can grow to 2 TiB with 4 KiB blocks, and costs 1 MiB of holes for each copy.
_EXPECTED_BYTES = 2 << 30
_DEFAULT_FREE_BYTES = 64 << 20
_LAST_SECOND = (1 << 34) - (1 << 31) - 1  # the last in inodes, in 2446; superblocks hold more


class Ext4Writer:
    """Writes one image: file data to `store` as it arrives, everything else in `commit`.

        with Ext4Writer("root.ext4") as writer:
            tree = flatten(layers, into=writer.store)
            tree.add("/etc/hostname", File.of(b"vm"))
            writer.commit(tree)

    Use it as a context manager. Until `commit` has returned there is no file at the path, and
    whatever was there stays. An open target, or one with an `offset`, is written in place as
    `write_ext4` tells; its range is erased when the block is entered.

    A writer is used by one thread at a time. Several writers may work side by side.
    """

    store: ImageStore

    def __init__(
        self,
        target: Target,
        options: Options | None = None,
        *,
        offset: int | None = None,
        expected_bytes: int | None = None,
        onto: Path | None = None,
    ) -> None:
        """Check the options; `expected_bytes` is the approximate size of the image.

        With `onto`, what is made is a qcow2 image that holds what differs from that raw image; see
        `pyext4.qcow2.write_qcow2`.

        Raises:
            OptionsError: an option is out of its range, or contradicts another; the target is
                neither a regular file nor a block device, or can't be read and written.
            OSError: there is nothing to write into.
        """
        self._onto = onto
        is_open = isinstance(target, int) or hasattr(target, "fileno")
        self._target = target if is_open else Path(target)  # type: ignore[arg-type]
        self._options = Options() if options is None else options
        check_options(self._options)
        _check(self._options)
        self._offset = 0 if offset is None and is_open else offset
        if self._offset is not None:
            if onto is not None:
                raise OptionsError("onto", "makes a file of its own, and nothing in place")
            from pyext4.image.in_place import check_offset  # noqa: PLC0415  # rarely needed

            check_offset(self._offset)
            self._options = _within(self._options, self._target, self._offset)
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
        self._output: Output | InPlace | None = None
        self._begun = False  # writing what can't be taken back

    def __enter__(self) -> Self:
        """Create the new file, or erase the range; raises OSError."""
        options = self._options
        size_bytes = options.size_bytes
        self._output = self._opened()
        limit = None if size_bytes is None else size_bytes // options.block_size_bytes
        self.store = ImageStore(
            self._output.fd,
            Allocator(self._fixed),
            options.block_size_bytes,
            limit_blocks=limit,
            inline_bytes=INLINE_MAX_BYTES if "inline_data" in self._features else 0,
            begin=self._output.offset,
        )
        return self

    def _opened(self) -> Output | InPlace:
        if self._offset is not None:
            from pyext4.image.in_place import InPlace  # noqa: PLC0415  # as above

            return InPlace(self._target, self._offset, self._options.size_bytes)
        assert isinstance(self._target, Path)
        return Output(self._target)

    @property
    def placement(self) -> str:
        """Name what the ordinals of file data depend on, besides the calls of the store.

        See `pyext4.space.order`. Empty where small files live in inodes: their data has no blocks.
        """
        if "inline_data" in self._features:
            return ""
        return str(self._fixed.block_size)

    def __exit__(self, *_: object) -> None:
        """Remove the file if it was not committed."""
        if self._output is not None:
            self.store.close()
            self._output.close()
            self._output = None

    def check_size(self) -> None:
        """Refuse a size that is too small for any content, before there is one.

        The copies of the superblock, the bitmaps, the inode tables, the journal and what is to stay
        free are the same for an empty filesystem; whatever comes into it only adds to them.

        Raises:
            DoesNotFitError: not even an empty filesystem fits.
            OptionsError: a size is out of what ext4 or these options can do.
        """
        if self._options.size_bytes is None:
            return
        needs = Needs(
            nodes=1,  # /lost+found
            data_blocks=0,
            metadata_blocks=2,  # it and the root directory
            journal="has_journal" in self._features,
            resize_inode="resize_inode" in self._features,
            packed=self._options.profile == "readonly",
        )
        try:
            choose(self._fixed, Allocator(self._fixed), needs, self._options)
        except DoesNotFitError as error:
            raise DoesNotFitError(
                size_bytes=error.size_bytes, needed_bytes=error.needed_bytes, known="nothing"
            ) from None

    def check_so_far(self) -> None:
        """Refuse to go on if what is in the store does not fit any more.

        Blocks are handed out one behind the other, and holes that are left are filled first. So the
        end of what was ever handed out never comes back: behind the size asked for, `commit` would
        fail, whatever is released until then. Only it can tell the size that would do.

        Raises:
            DoesNotFitError: it does not.
        """
        end = self.store.allocator.end
        if self._options.size_bytes is not None and self.store.is_beyond(end):
            raise DoesNotFitError(
                size_bytes=self._options.size_bytes,
                needed_bytes=end * self._options.block_size_bytes,
                known="part",
            )

    def commit(
        self,
        tree: Tree,
        *,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Written:
        """Write the filesystem that holds `tree` and put it at its path.

        Contents that are not in `store` are copied there, in sorted order. Contents in `store` that
        are no longer in the tree are erased. `progress` is called with the progress; as soon as
        `cancelled` returns True, the writing ends. See `write_ext4`.

        Raises:
            TypeError: something in the tree has a wrong type; the message has its path.
            ContentError: the tree holds something that ext4 can't.
            DoesNotFitError: the requested size is too small; the error has the size that is enough.
            OptionsError: the options don't suit the content.
            RootHashError: the root hash is not the one that the options ask for.
            CancelledError: `cancelled` returned True.
            OSError: reading a content or writing the image failed.
        """
        if self._output is None:
            msg = "commit outside the with block"
            raise RuntimeError(msg)
        if self._begun:
            msg = "commit called a second time, make another Ext4Writer"
            raise RuntimeError(msg)
        meter = Meter(progress, cancelled)
        meter.check()
        check_tree(tree)
        try:
            assembly = Assembly(
                self.store, self._fixed, tree, self._options, self._features, meter=meter
            )
            self._begun = True
            made = assembly.run()
        except WRONG_TYPE:
            check_whole_tree(tree)
            raise
        geometry = made.geometry
        size_bytes = self._options.size_bytes or geometry.blocks_count * geometry.block_size
        verity = self._append_verity(self._output.fd, size_bytes, made.uuid, meter)
        if verity is not None:
            size_bytes = verity.size_bytes
        meter.begin("sync", size_bytes)
        path = self._output.path
        overlay = self._publish(self._output, size_bytes, meter)
        return Written(
            path=path,
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
            offset_bytes=self._output.offset,
            overlay=overlay,
        )

    def _publish(self, output: Output | InPlace, size_bytes: int, meter: Meter) -> Overlay | None:
        if self._onto is None:
            output.publish(size_bytes, meter.end)
            return None
        from pyext4.qcow2.difference import Disk  # noqa: PLC0415  # rarely needed
        from pyext4.qcow2.writer import write_overlay  # noqa: PLC0415

        meter.end()  # before: what it raises comes in time
        image = Disk(fd=output.fd, path=output.path, size_bytes=size_bytes)
        # leaving the context removes the image
        return write_overlay(image, self._onto, output.path)

    def _append_verity(self, fd: int, size_bytes: int, uuid: UUID, meter: Meter) -> Verity | None:
        if self._options.verity is None:
            return None
        from pyext4.verity.writing import append_checked  # noqa: PLC0415  # rarely needed

        meter.begin("hashes", size_bytes)
        verity = append_checked(
            fd,
            size_bytes,
            self._options.verity,
            uuid=uuid,
            block_size=self._options.block_size_bytes,
            advance=meter.advance,
        )
        meter.end()
        return verity


def write_ext4(
    tree: Tree,
    target: Target,
    options: Options | None = None,
    *,
    offset: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Written:
    """Write an ext4 filesystem that holds `tree`; equal trees and options give equal bytes.

    A path gets a new file, which appears whole or not at all. With an `offset`, and for a file that
    is open, the filesystem is written into what is there instead, beginning at that byte: into a
    partition of a disk image, a block device, an empty file.

        with open("disk.img", "r+b") as disk:  # a partition of 2 GiB that begins at 1 MiB
            write_ext4(tree, disk, Options(size_bytes=2 << 30), offset=1 << 20)

    Nothing before or behind it is touched, and no content of the tree may come from there. If that
    fails or is cancelled, what stood in its place is undefined. `Options.size_bytes` must be given,
    except at offset 0, where the filesystem fills what is there, and at the end of a file, which
    grows as needed. A file grows too where it is shorter than the size; a block device must have
    the room.

    In asyncio, call it in a thread, with an event that ends it when the task is cancelled:

        stop = threading.Event()
        try:
            await asyncio.to_thread(write_ext4, tree, "root.ext4", cancelled=stop.is_set)
        except asyncio.CancelledError:
            stop.set()
            raise

    Several threads may write at the same time, also of one tree, as long as none changes it.
    Options and metadata can't be changed, so they may be shared by all. Reading, writing and most
    of the computing go on side by side.

    Args:
        tree: What it is to hold.
        target: A path, a binary file that is open for reading and writing, or its descriptor, which
            stays open and where it was.
        options: How it is made.
        offset: Where in the target it begins, in bytes, a multiple of 512; None: a path's file is
            replaced, and an open file written from its beginning.
        progress: Told how far it is after every few megabytes; see `Progress`.
        cancelled: Asked as often whether to stop, such as `threading.Event().is_set`.

    Raises:
        TypeError: an option or something in the tree has a wrong type.
        Ext4Error: see `Ext4Writer` and its `commit`.
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
    with Ext4Writer(target, options, offset=offset, expected_bytes=expected_bytes) as writer:
        return writer.commit(tree, progress=progress, cancelled=cancelled)


def _within(options: Options, target: Target, offset: int) -> Options:
    """Return the options for a filesystem inside of something, whose size must be known."""
    if options.verity is not None:
        raise OptionsError("verity", "its hashes need a file of their own, without an offset")
    from pyext4.image.in_place import bytes_behind  # noqa: PLC0415  # as above

    room = bytes_behind(target, offset)
    if options.size_bytes is not None or not room:
        return options
    if offset == 0 and not options.smallest and options.free_bytes is None:
        return replace(options, size_bytes=room)
    reason = f"must be given, something else may stand in the {room} bytes behind offset {offset}"
    raise OptionsError("size", reason)


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
