"""The tar scan in Python, which defines what the compiled scanner must do.

A state machine over blocks that may be cut anywhere by the chunks they come in. One call leaves
a row for every member whose header ends in the chunk, with the stretch of its payload that the
chunk holds. Only framing is decided here; the code that reads the rows decides which types are
acceptable, and what sparse maps and xattr records mean.

POSIX.1-2017 pax ("ustar Interchange Format"); GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from flatten.native.pure_header import (
    checksum_right,
    device_numbers,
    metadata_key,
    prefix_of,
    text_of,
)
from flatten.tar.fields import (
    FaultError,
    PaxFields,
    field,
    normal_path,
    read_records,
)
from flatten.tar.rows import NO_ROW, RECORDS, ROW, Batch, Fault, Row
from flatten.tar.typeflags import GLOBAL
from pyext4.buffer import Buffer

__all__ = ["PureScanner"]

BLOCK = 512
_ZEROS = bytes(BLOCK)
_SPARSE_EXTENSION = 504  # bytes of map in an extension block; the next says if another follows


class _Phase(enum.Enum):
    HEADER = enum.auto()
    ZERO = enum.auto()  # after one block of zeros
    END = enum.auto()
    PAYLOAD = enum.auto()
    PADDING = enum.auto()
    PAX = enum.auto()
    GLOBAL = enum.auto()
    NAME = enum.auto()
    LINK = enum.auto()
    SPARSE = enum.auto()


_BODIES = (_Phase.PAX, _Phase.GLOBAL, _Phase.NAME, _Phase.LINK)
_EXTENDED = {
    0x78: _Phase.PAX,
    0x58: _Phase.PAX,
    0x67: _Phase.GLOBAL,
    0x4C: _Phase.NAME,
    0x4B: _Phase.LINK,
}


class PureScanner:
    """Scans one tar."""

    def __init__(self, header_limit_bytes: int) -> None:
        """Accept extended headers of up to `header_limit_bytes` bytes."""
        self._limit = header_limit_bytes
        self._phase = _Phase.HEADER
        self._partial = b""  # the beginning of a block that the last chunk cut
        self._offset = 0  # of the next unread byte in the tar
        self._remaining = 0  # of the current body
        self._payload_done = 0
        self._padding = 0
        self._in_member = False
        self._member_offset = 0
        self._bodies = {phase: bytearray() for phase in _BODIES}
        self._have_name = self._have_link = False
        self._sparse_header = b""
        self._sparse = b""
        self._global: PaxFields = {}
        self._fault = Fault.NONE
        self._fault_offset = 0
        self._rows: list[bytes] = []
        self._arena: list[bytes] = []
        self._arena_fill = 0

    def scan(self, chunk: Buffer) -> Iterator[Batch]:
        """Yield the contents of `chunk`, always as one batch."""
        self._rows = []
        self._arena = []
        self._arena_fill = 0
        continued_from = self._payload_done
        continued = 0
        if self._phase is _Phase.PAYLOAD:
            continued = min(self._remaining, len(chunk))
        if self._fault is Fault.NONE:
            try:
                self._scan(bytes(chunk))
            except FaultError as error:
                self._fault = error.fault
        yield Batch(
            rows=b"".join(self._rows),
            arena=b"".join(self._arena),
            continued=continued,
            continued_from=continued_from,
        )

    def end(self) -> None:
        """Report that no chunk follows."""
        if self._fault is not Fault.NONE:
            return
        self._fault_offset = self._offset
        if self._phase in (_Phase.END, _Phase.ZERO):
            return
        if (
            self._in_member
            or self._phase not in (_Phase.HEADER, _Phase.PADDING)
            or self._partial.strip(b"\0")
        ):
            self._fault = Fault.TRUNCATED

    @property
    def fault(self) -> tuple[Fault, int]:
        """Why the scan stopped, and where."""
        return self._fault, self._fault_offset

    def _scan(self, chunk: bytes) -> None:
        position = 0
        end = len(chunk)
        while position < end:
            phase = self._phase
            if phase is _Phase.HEADER or phase is _Phase.ZERO:
                need = BLOCK - len(self._partial)
                block = self._partial + chunk[position : position + need]
                count = min(need, end - position)
                self._offset += count
                position += count
                if len(block) < BLOCK:
                    self._partial = block
                    return
                self._partial = b""
                position = self._header(block, position, end)
            elif phase is _Phase.END:
                self._offset += end - position
                return
            elif phase is _Phase.PADDING:
                count = min(self._padding, end - position)
                self._padding -= count
                position += count
                self._offset += count
                if self._padding == 0:
                    self._phase = _Phase.HEADER
            elif phase is _Phase.SPARSE:
                position = self._sparse_block(chunk, position)
            else:
                position = self._body(chunk, position)

    def _body(self, chunk: bytes, position: int) -> int:
        """Take what the chunk holds of a payload or an extended header's body."""
        phase = self._phase
        count = min(self._remaining, len(chunk) - position)
        self._remaining -= count
        self._offset += count
        if phase is _Phase.PAYLOAD:
            self._payload_done += count
        else:
            self._bodies[phase] += chunk[position : position + count]
        if self._remaining == 0:
            self._phase = _Phase.PADDING
            if phase is _Phase.GLOBAL:
                self._global_header()
        return position + count

    def _header(self, block: bytes, position: int, end: int) -> int:
        at = self._offset - BLOCK
        self._fault_offset = at
        if block == _ZEROS:
            if self._in_member:
                raise FaultError(Fault.ORPHAN)
            self._phase = _Phase.END if self._phase is _Phase.ZERO else _Phase.ZERO
            return position
        if self._phase is _Phase.ZERO:
            raise FaultError(Fault.LONE_ZERO)
        if not checksum_right(block):
            raise FaultError(Fault.CHECKSUM)
        if not self._in_member:
            self._in_member = True
            self._member_offset = at
        typeflag = block[156]
        if typeflag in _EXTENDED:
            self._extended(block, _EXTENDED[typeflag])
            return position
        if typeflag == 0x53:
            if block[257:265] != b"ustar  \0":
                raise FaultError(Fault.SPARSE)
            self._sparse_header = block
            self._sparse = block[483:495] + block[386:482]
            if block[482]:
                self._phase = _Phase.SPARSE
                return position
        self._fault_offset = self._member_offset
        return self._member(block, position, end)

    def _extended(self, block: bytes, phase: _Phase) -> None:
        body = self._bodies[phase]
        if phase is _Phase.NAME:
            self._have_name = True
        elif phase is _Phase.LINK:
            self._have_link = True
        size = field(block[124:136])
        if size < 0:
            raise FaultError(Fault.NUMBER)
        body.clear()  # if one member has several headers, the last counts, as for GNU tar and Go
        if size > self._limit:
            raise FaultError(Fault.TOO_LARGE)
        self._phase = phase
        self._remaining = size
        self._padding = -size % BLOCK

    def _sparse_block(self, chunk: bytes, position: int) -> int:
        """Collect one extension block of a GNU sparse map; the last one says that none follows."""
        if not self._partial and len(self._sparse) + _SPARSE_EXTENSION > self._limit:
            self._fault_offset = self._member_offset
            raise FaultError(Fault.TOO_LARGE)
        need = BLOCK - len(self._partial)
        block = self._partial + chunk[position : position + need]
        count = min(need, len(chunk) - position)
        self._offset += count
        position += count
        if len(block) < BLOCK:
            self._partial = block
            return position
        self._partial = b""
        self._sparse += block[:_SPARSE_EXTENSION]
        if block[_SPARSE_EXTENSION]:
            return position
        self._fault_offset = self._member_offset
        return self._member(self._sparse_header, position, len(chunk))

    def _keep(self, text: bytes) -> int:
        """Append to the arena; returns where the next string will be."""
        self._arena.append(text)
        self._arena_fill += len(text)
        return self._arena_fill

    def _global_header(self) -> None:
        """Make a row of a global header's xattrs; its fields apply to what follows."""
        self._fault_offset = self._member_offset
        start = self._arena_fill
        kept = read_records(bytes(self._bodies[_Phase.GLOBAL]), self._global)
        if self._global.keys() - {b"mtime", b"atime", b"ctime", b"uid", b"gid"}:
            raise FaultError(Fault.GLOBAL)
        if kept:
            row = NO_ROW._replace(
                kind=GLOBAL | RECORDS,
                records_offset=start,
                records_end=self._keep(kept),
                header_offset=self._member_offset,
            )
            self._rows.append(ROW.pack(*row))
        if not (self._bodies[_Phase.PAX] or self._have_name or self._have_link):
            self._in_member = False

    def _member(self, block: bytes, position: int, end: int) -> int:
        """Turn the header and what preceded it into a row; the payload begins at `position`."""
        fields = self._global.copy()
        records_from = self._arena_fill
        kept = read_records(bytes(self._bodies[_Phase.PAX]), fields)
        records_to = self._keep(kept)
        prefix, name, link = self._names(block, fields)
        typeflag = block[156]
        if typeflag == 0 and name.endswith(b"/"):
            typeflag = 0x35  # V7 had no other way to say it
        elif typeflag in (0, 0x37):
            typeflag = 0x30
        key = metadata_key(block, fields, typeflag)
        major, minor = device_numbers(block, fields) if typeflag in (0x33, 0x34) else (0, 0)
        size = 0
        if not 0x31 <= typeflag <= 0x36:  # these have only a header, whatever the size field says
            stated = fields.get(b"size")
            size = stated if isinstance(stated, int) else field(block[124:136])
            if size < 0:
                raise FaultError(Fault.NUMBER)
        path, parent, last, flags = normal_path(prefix, name)
        link_from = self._keep(path)
        if typeflag in (0x31, 0x32):
            link_to = self._keep(link)
        else:
            link_to = self._keep(self._sparse) if typeflag == 0x53 else link_from
        here = min(size, end - position)
        self._rows.append(
            ROW.pack(
                *Row(
                    kind=typeflag | flags | (RECORDS if kept else 0),
                    path_offset=records_to,
                    parent_end=records_to + len(parent),
                    name_offset=link_from - len(last),
                    path_end=link_from,
                    payload_offset=position,
                    payload_here=here,
                    records_offset=records_from,
                    records_end=records_to,
                    link_offset=link_from,
                    link_end=link_to,
                    devmajor=major,
                    devminor=minor,
                    reserved=0,
                    size=size,
                    header_offset=self._member_offset,
                    key=key,
                )
            )
        )
        self._payload_done = here
        self._remaining = size - here
        self._padding = -size % BLOCK
        self._phase = _Phase.PAYLOAD if self._remaining else _Phase.PADDING
        self._offset += here
        self._reset_member()
        return position + here

    def _names(self, block: bytes, fields: PaxFields) -> tuple[bytes, bytes, bytes]:
        """Return ustar's prefix, the name and the link target, from wherever they are stated."""
        prefix = prefix_of(block, fields)
        path, linkpath = fields.get(b"path"), fields.get(b"linkpath")
        if self._have_name:
            prefix, name = b"", text_of(bytes(self._bodies[_Phase.NAME]))
        elif isinstance(path, bytes):
            prefix, name = b"", path
        else:
            name = text_of(block[:100])
        if self._have_link:
            return prefix, name, text_of(bytes(self._bodies[_Phase.LINK]))
        return prefix, name, linkpath if isinstance(linkpath, bytes) else text_of(block[157:257])

    def _reset_member(self) -> None:
        self._in_member = self._have_name = self._have_link = False
        self._bodies[_Phase.PAX].clear()
        self._sparse = b""
