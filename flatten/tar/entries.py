"""Rows of the scan as entries: names, metadata and payload, with no filesystem meaning yet.

Each entry is a plain tuple, because there is one for each file of an image, and a named tuple
costs more to make. Entries other than plain files are named: `Entry`. Equal metadata is one
object: most files of a layer share their owner, mode and time with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from flatten.errors import LimitError
from flatten.left_out import Counted
from flatten.limits import Limits
from flatten.tar.attributes import Attributes, merged_records, read_attributes
from flatten.tar.fields import NOBODY, normal_path
from flatten.tar.remark import Remark
from flatten.tar.rows import (
    HOT_ROW,
    KEY,
    RECORDS,
    REST_OF_ROW,
    ROW,
    TIMES_ATIME,
    TIMES_CTIME,
    Batch,
    Row,
)
from flatten.tar.times import within_ext4
from flatten.tar.typeflags import GLOBAL, LINK, VOLUME_LABEL
from pyext4.tree import Metadata

__all__ = ["Entry", "EntryReader", "Fields"]

Fields: TypeAlias = tuple[int, bytes, bytes, Metadata, int, int, int]
"""The first fields of an `Entry`, in its order: all that a plain file needs."""


class Entry(NamedTuple):
    """A member of a layer's tar."""

    kind: int  # typeflag and row flags
    parent: bytes  # empty in the root
    name: bytes  # empty for the root
    meta: Metadata
    size: int  # of the payload
    position: int  # of the payload in the chunk
    here: int  # how much of it is in the chunk
    path: bytes  # as the header has it
    link: bytes  # the target, or the raw GNU sparse map
    major: int
    minor: int

    @property
    def typeflag(self) -> int:
        """The type, without the flags."""
        return self.kind & 0xFF

    @property
    def whole(self) -> bytes:
        """The path in plain spelling, joined from `parent` and `name`."""
        return self.parent + b"/" + self.name if self.parent else self.name

    def at(self, path: bytes) -> Entry:
        """Return the same entry under another path."""
        _, parent, name, flags = normal_path(b"", path)
        return self._replace(kind=self.typeflag | flags, parent=parent, name=name)


KNOWN_MAX = 1 << 16  # bounds memory for layers in which every file has its own time
KNOWN_RECORDS_BYTES = 1 << 24  # and for layers in which each has its own records
# "no change" to chown(2), so the file stays with root, who unpacks the layers
_NOBODY: Counted = ((("owner", str(NOBODY)), 1),)


class EntryReader:
    """Reads the batches of all layers."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._digest = ""
        self._known: dict[bytes, Metadata] = {}
        self._described: dict[tuple[int, bytes, bytes], tuple[Attributes, Metadata]] = {}
        self._attributes: dict[tuple[int, bytes], Attributes] = {}
        self._described_bytes = 0
        self._global: dict[bytes, bytes] = {}  # PAX records that apply to all that follows
        self._batch: Batch | None = None
        self._index = -1
        self.attributes = Attributes()  # of the entry last yielded, if its kind has RECORDS
        self.remarks: dict[int, Remark] = {}  # by the id of the metadata they are about

    def begin_layer(self, digest: str) -> None:
        """Forget what applied to the previous layer; errors will call this one `digest`."""
        self._digest = digest
        self._set_global({})

    def read(self, batch: Batch, count: int) -> Iterator[Fields]:
        """Yield the first `count` entries of `batch`; other methods tell more about the last."""
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
                if kind & 0xFF == GLOBAL:
                    self._read_global()
                    continue
                meta = self._with_records(kind & 0xFF, key, meta)
            yield kind, arena[start:parent_end], arena[name_from:end], meta, size, payload, here

    def entry(self, fields: Fields) -> Entry:
        """Name the entry last yielded, and add what plain files don't need."""
        assert self._batch is not None
        arena = self._batch.arena
        path_from, path_to, link_from, link_to, major, minor = REST_OF_ROW.unpack_from(
            self._batch.rows, self._index * ROW.size
        )
        path, link = arena[path_from:path_to], arena[link_from:link_to]
        return Entry._make((*fields, path, link, major, minor))

    def path(self) -> bytes:
        """Return the whole path of the entry last yielded."""
        if self._batch is None or self._index < 0:
            return b""
        row = self._row()
        return self._batch.arena[row.path_offset : row.path_end]

    def _row(self) -> Row:
        assert self._batch is not None
        return Row._make(ROW.unpack_from(self._batch.rows, self._index * ROW.size))

    def _records(self) -> bytes:
        assert self._batch is not None
        row = self._row()
        return self._batch.arena[row.records_offset : row.records_end]

    def _read_global(self) -> None:
        """Make the current row's records apply to the entries that follow."""
        records = dict(merged_records(self._global, self._records()).values)
        if sum(map(len, records)) + sum(map(len, records.values())) > self._limits.header_bytes:
            raise LimitError(self._digest, "header_bytes", self._limits.header_bytes)
        self._set_global(records)

    def _set_global(self, records: dict[bytes, bytes]) -> None:
        self._global = records
        self._forget_described()

    def _forget_described(self) -> None:
        self._described.clear()
        self._attributes.clear()
        self._described_bytes = 0

    def _with_records(self, typeflag: int, key: bytes, meta: Metadata) -> Metadata:
        """Apply the current entry's records; equal ones are read once."""
        if typeflag in (LINK, VOLUME_LABEL):  # has no metadata of its own
            return meta
        records = self._records()
        known = self._described.get((typeflag, key, records))
        if known is None:
            if self._described_bytes > KNOWN_RECORDS_BYTES or len(self._described) >= KNOWN_MAX:
                self._forget_described()
            attributes = self._read_attributes(typeflag, records)
            known = (attributes, self._applied(attributes, meta))
            self._described[typeflag, key, records] = known
        self.attributes, meta = known
        return meta

    def _read_attributes(self, typeflag: int, records: bytes) -> Attributes:
        attributes = self._attributes.get((typeflag, records))
        if attributes is None:
            merged = merged_records(self._global, records)
            if len(merged.values) > self._limits.xattrs:
                most = self._limits.xattrs
                raise LimitError(self._digest, "xattrs", most, path=self.path())
            attributes = read_attributes(merged, typeflag)
            self._attributes[typeflag, records] = attributes
            self._described_bytes += 2 * len(records)
        return attributes

    def _applied(self, attributes: Attributes, meta: Metadata) -> Metadata:
        described = attributes.applied_to(meta)
        if described is not meta:
            before = self.remarks.get(id(meta))
            left_out = attributes.left_out if before is None else before.left_out
            if before is not None:
                left_out += attributes.left_out
            if left_out or attributes.acls:
                remark = Remark(meta=described, left_out=left_out, acls=attributes.acls)
                self.remarks[id(described)] = remark
        return described

    def _metadata(self, key: bytes) -> Metadata:
        mtime, atime, ctime, mtime_n, atime_n, ctime_n, mode, uid, gid, times, _ = KEY.unpack(key)
        mtime_ns, left_out = within_ext4(mtime * 1_000_000_000 + mtime_n)
        atime_ns = ctime_ns = None
        if times & TIMES_ATIME:
            atime_ns, clamped = within_ext4(atime * 1_000_000_000 + atime_n)
            left_out += clamped
        if times & TIMES_CTIME:
            ctime_ns, clamped = within_ext4(ctime * 1_000_000_000 + ctime_n)
            left_out += clamped
        if uid == NOBODY:
            uid, left_out = 0, left_out + _NOBODY
        if gid == NOBODY:
            gid, left_out = 0, left_out + _NOBODY
        meta = Metadata(
            mode=mode, uid=uid, gid=gid, mtime_ns=mtime_ns, atime_ns=atime_ns, ctime_ns=ctime_ns
        )
        if left_out:
            self.remarks[id(meta)] = Remark(meta=meta, left_out=left_out)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[key] = meta
        return meta
