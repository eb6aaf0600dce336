"""Rows of the scan as entries: names, metadata and payload, with no filesystem meaning yet.

A plain tuple for each entry, because there are as many as an image has files. Equal metadata is
one object: most files of a layer share their owner, mode and time with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from flatten.attributes import Attributes, read_attributes
from flatten.native.rows import HOT_ROW, KEY, RECORDS, ROW, TIMES_ATIME, TIMES_CTIME, Batch, Row
from pyext4.tree import Metadata

__all__ = ["Entry", "EntryReader"]

Entry: TypeAlias = tuple[int, bytes, bytes, Metadata, int, int, int]
"""(kind: typeflag and row flags, parent path, name, metadata, payload size, payload's position in
the chunk, how much of it is there). Parent and name are empty for the root."""

GLOBAL = ord("g")
KNOWN_MAX = 1 << 16  # bounds the memory for layers in which every file has a time of its own


class EntryReader:
    """Reads the batches of all layers."""

    def __init__(self) -> None:
        self._known: dict[bytes, Metadata] = {}
        self._global = b""  # PAX records that apply to all entries of the layer
        self._batch: Batch | None = None
        self._index = -1
        self.attributes = Attributes()  # of the entry last yielded, if its kind has RECORDS

    def begin_layer(self) -> None:
        """Forget what applied to the layer before."""
        self._global = b""

    def read(self, batch: Batch, count: int) -> Iterator[Entry]:
        """Yield the first `count` entries of `batch`; the other methods tell more of the last."""
        self._batch = batch
        self._index = -1
        arena = batch.arena
        known = self._known
        rows = batch.rows[: count * ROW.size]
        for (
            kind,
            start,
            parent_end,
            name_from,
            end,
            payload,
            here,
            size,
            key,
        ) in HOT_ROW.iter_unpack(rows):
            self._index += 1
            meta = known.get(key)
            if meta is None:
                meta = self._metadata(key)
            if kind & RECORDS or self._global:
                records = self._records()
                if kind & 0xFF == GLOBAL:
                    self._global += records
                    continue
                self.attributes = read_attributes(self._global + records)
                meta = self.attributes.applied_to(meta)
            yield kind, arena[start:parent_end], arena[name_from:end], meta, size, payload, here

    def row(self) -> Row:
        """Give all that the scan says of the entry last yielded."""
        assert self._batch is not None
        return Row._make(ROW.unpack_from(self._batch.rows, self._index * ROW.size))

    def link(self) -> bytes:
        """Give the link target, or the raw GNU sparse map, of the entry last yielded."""
        assert self._batch is not None
        row = self.row()
        return self._batch.arena[row.link_offset : row.link_end]

    def path(self) -> bytes:
        """Give the whole path of the entry last yielded."""
        if self._batch is None or self._index < 0:
            return b""
        row = self.row()
        return self._batch.arena[row.path_offset : row.path_end]

    def _records(self) -> bytes:
        assert self._batch is not None
        row = self.row()
        return self._batch.arena[row.records_offset : row.records_end]

    def _metadata(self, key: bytes) -> Metadata:
        mtime, atime, ctime, mtime_n, atime_n, ctime_n, mode, uid, gid, times, _ = KEY.unpack(key)
        meta = Metadata(
            mode=mode,
            uid=uid,
            gid=gid,
            mtime_ns=mtime * 1_000_000_000 + mtime_n,
            atime_ns=atime * 1_000_000_000 + atime_n if times & TIMES_ATIME else None,
            ctime_ns=ctime * 1_000_000_000 + ctime_n if times & TIMES_CTIME else None,
        )
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[key] = meta
        return meta
