"""A qcow2 image that holds what differs from its base.

`pyext4.qcow2.layout` has a map of the file. The header is written last. Memory holds two windows
and one L2 table, whatever the size. Equal files give equal bytes.
"""

from __future__ import annotations

import os
import struct
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pyext4.errors import OptionsError
from pyext4.image.output_file import Output
from pyext4.numbers import ceil_div
from pyext4.qcow2.backing import backing_name, check_base
from pyext4.qcow2.difference import Disk, Run, Window, differences
from pyext4.qcow2.layout import (
    COPIED,
    ENTRY,
    ENTRY_BYTES,
    READS_AS_ZEROS,
    REFCOUNT,
    SECTOR_BYTES,
    Layout,
    header,
    layout_for,
    refcount_blocks_for,
)

__all__ = ["Overlay", "write_overlay", "write_qcow2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A qcow2 image that was made, and how much of the disk is in it.

    Attributes:
        path: The image.
        base: The raw image that it lies on.
        backing_file: The name by which the image finds its base.
        size_bytes: Of the disk.
        cluster_bytes: Of a cluster.
        changed_bytes: In clusters that differ from the base, and are in the file.
        zeroed_bytes: In clusters that are zero, but not in the base; they take no room.
        file_bytes: Of the qcow2 image.
    """

    path: Path
    base: Path
    backing_file: bytes
    size_bytes: int
    cluster_bytes: int
    changed_bytes: int
    zeroed_bytes: int
    file_bytes: int


def write_qcow2(image: Path | str, base: Path | str, out: Path | str) -> Overlay:
    """Write what differs between two raw images as a qcow2 image with the second as backing file.

    The base may have any size; what it lacks reads as zeros. The disk's size is that of the image,
    rounded up to 512 bytes. The name of the base is relative to the directory of `out` if the base
    is in there or below, otherwise absolute. From then on, the base must not change: nothing
    detects that, and the disk would be damaged.

    Raises:
        OptionsError: The base is not a regular file, or an input would be replaced by the output.
        OSError: A file can't be read or written; nothing is left behind.
    """
    image, base, out = Path(image), Path(base), Path(out)
    if out.exists() and out.samefile(image):
        raise OptionsError("image", f"would be replaced by the output: {image}")
    fd = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size_bytes = os.lseek(fd, 0, os.SEEK_END)
        return write_overlay(Disk(fd=fd, path=image, size_bytes=size_bytes), base, out)
    finally:
        os.close(fd)


def write_overlay(image: Disk, base: Path, out: Path) -> Overlay:
    """Do what `write_qcow2` does, with an image that is open.

    Raises:
        OptionsError: See there.
        OSError: See there.
    """
    check_base(base, [out])
    name = backing_name(base, out)
    with ExitStack() as closing:
        fd = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
        closing.callback(os.close, fd)
        below = Disk(fd=fd, path=base, size_bytes=os.lseek(fd, 0, os.SEEK_END))
        output = Output(out)
        closing.callback(output.close)
        layout = layout_for(ceil_div(image.size_bytes, SECTOR_BYTES) * SECTOR_BYTES)
        file = _File(output, layout)
        for window in differences(image, below, layout.size_bytes, layout.cluster_bytes):
            file.add(window)
        file.finish(name)
        output.publish(file.end)
    return Overlay(
        path=out,
        base=base,
        backing_file=name,
        size_bytes=layout.size_bytes,
        cluster_bytes=layout.cluster_bytes,
        changed_bytes=file.changed * layout.cluster_bytes,
        zeroed_bytes=file.zeroed * layout.cluster_bytes,
        file_bytes=file.end,
    )


class _File:
    """The qcow2 image while it grows."""

    def __init__(self, output: Output, layout: Layout) -> None:
        self.end = layout.data_offset
        self.changed = 0
        self.zeroed = 0
        self._output = output
        self._layout = layout
        self._l1_index = -1
        self._l2_table = bytearray(layout.cluster_bytes)

    def add(self, window: Window) -> None:
        """Take a window behind the last one; all of it is in one L2 table."""
        layout = self._layout
        l1_index, first = divmod(window.offset // layout.cluster_bytes, layout.l2_entries)
        if l1_index != self._l1_index:
            self._finish_l2_table()
            self._l1_index = l1_index
        for run in window.runs:
            self._add_run(run, window.data, first + run.first)

    def finish(self, backing_file: bytes) -> None:
        """Write everything but the clusters that were added."""
        layout = self._layout
        self._finish_l2_table()
        before = self.end // layout.cluster_bytes
        blocks = refcount_blocks_for(layout, before)
        offsets = range(self.end, self.end + blocks * layout.cluster_bytes, layout.cluster_bytes)
        table = struct.pack(f">{blocks}Q", *offsets)
        self._write(table, layout.refcount_table_offset)
        left = before + blocks
        full = layout.cluster_bytes // REFCOUNT.size
        for _ in range(blocks):
            counts = REFCOUNT.pack(1) * min(left, full)
            self._append(counts.ljust(layout.cluster_bytes, b"\0"))
            left -= full
        self._write(header(layout, backing_file), 0)

    def _add_run(self, run: Run, data: bytearray, index: int) -> None:
        cluster = self._layout.cluster_bytes
        if run.zero:
            entries = [READS_AS_ZEROS] * run.clusters
            self.zeroed += run.clusters
        else:
            with memoryview(data) as view:
                place = self._append(
                    view[run.first * cluster : (run.first + run.clusters) * cluster]
                )
            entries = [COPIED | place + n * cluster for n in range(run.clusters)]
            self.changed += run.clusters
        struct.pack_into(f">{run.clusters}Q", self._l2_table, index * ENTRY_BYTES, *entries)

    def _finish_l2_table(self) -> None:
        if self._l1_index < 0:
            return
        place = self._append(self._l2_table)
        entry = ENTRY.pack(COPIED | place)
        self._write(entry, self._layout.l1_table_offset + self._l1_index * ENTRY_BYTES)
        self._l2_table[:] = bytes(len(self._l2_table))

    def _append(self, data: bytes | bytearray | memoryview) -> int:
        place = self.end
        self._write(data, place)
        self.end += len(data)
        return place

    def _write(self, data: bytes | bytearray | memoryview, offset: int) -> None:
        try:
            with memoryview(data) as view:
                done = 0
                while done < len(view):
                    done += os.pwrite(self._output.fd, view[done:], offset + done)
        except OSError as error:
            error.filename = str(self._output.target)
            raise
