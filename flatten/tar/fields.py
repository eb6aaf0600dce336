"""Read numbers, PAX records and paths of tar headers: the twin of numbers.c, records.c and paths.c.

POSIX.1-2017, pax, "pax Extended Header"; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flatten.tar.rows import CLIMBS, LONG, MARKER, Fault

__all__ = [
    "NOBODY",
    "FaultError",
    "PaxFields",
    "decimal",
    "field",
    "normal_path",
    "parse_time",
    "read_records",
    "records_in",
]

NOBODY = 4294967295  # -1 to chown(2), "no change": other code decides what it becomes
_TIMES = {b"mtime", b"atime", b"ctime"}
_OWNERS = {
    b"uid": NOBODY,
    b"gid": NOBODY,
    b"SCHILY.devmajor": 0xFFFFFFFF,
    b"SCHILY.devminor": 0xFFFFFFFF,
}
_TEXTS = {b"path", b"linkpath"}
_FOR_PYTHON = (b"SCHILY.xattr.", b"SCHILY.acl.", b"LIBARCHIVE.xattr.", b"GNU.sparse.")
_FOR_PYTHON_WHOLE = (b"LIBARCHIVE.creationtime", b"RHT.security.selinux")

# Text after the end doesn't count. Possessive: leading blanks must not serve as the end.
_OCTAL = re.compile(rb"[ \0]*+([0-7]*+)(?:[ \0]|\Z)")

PaxFields = dict[bytes, int | bytes | tuple[int, int]]
"""What records say about the fields that the scan itself understands; times are (s, ns)."""


class FaultError(Exception):
    """Carries a `Fault` out of the scan; never leaves this package."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.name)


def field(text: bytes) -> int:
    """Read octal text, or big-endian two's complement after a byte of 0x80 or 0xff."""
    if text[0] & 0x80:
        if text[0] & 0x40:
            value = int.from_bytes(text, "big", signed=True)
        else:
            value = int.from_bytes(bytes([text[0] & 0x7F]) + text[1:], "big")
        if not -(1 << 63) <= value < 1 << 63:
            raise FaultError(Fault.NUMBER)
        return value
    octal = _OCTAL.match(text)
    if octal is None:
        raise FaultError(Fault.NUMBER)
    return int(octal[1] or b"0", 8)


def decimal(text: bytes) -> int:
    """Read a decimal of up to 18 digits (more than any disk holds) after leading zeros."""
    digits = text.lstrip(b"0") or text[:1]
    if not 0 < len(digits) <= 18 or not digits.isdigit():
        raise FaultError(Fault.RECORD)
    return int(digits)


def parse_time(text: bytes) -> tuple[int, int]:
    """Read [-]seconds[.fraction] as (s, ns); digits beyond nanoseconds are cut off."""
    negative = text.startswith(b"-")
    whole, _, fraction = text[negative:].partition(b".")
    if fraction and not fraction.isdigit():
        raise FaultError(Fault.RECORD)
    seconds, nanoseconds = decimal(whole), int(fraction[:9].ljust(9, b"0"))
    if not negative:
        return seconds, nanoseconds
    return (-seconds - 1, 1_000_000_000 - nanoseconds) if nanoseconds else (-seconds, 0)


def records_in(body: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    r"""Split "length key=value\n" records into (record, key, value)."""
    at = 0
    while at < len(body) and body[at]:  # some writers pad the last block with NULs
        digits = 0
        size = 0
        while at + digits < len(body) and 48 <= body[at + digits] <= 57:
            size = size * 10 + body[at + digits] - 48
            if size > len(body):
                raise FaultError(Fault.RECORD)
            digits += 1
        record = body[at : at + size]
        if digits == 0 or len(record) < size or size < digits + 4:
            raise FaultError(Fault.RECORD)
        if record[digits] != 0x20 or record[-1] != 0x0A:
            raise FaultError(Fault.RECORD)
        key, equals, value = record[digits + 1 : -1].partition(b"=")
        if not key or not equals:
            raise FaultError(Fault.RECORD)
        yield record, key, value
        at += size


def _owner(key: bytes, value: bytes) -> int:
    if value == b"-1" and key in (b"uid", b"gid"):
        return NOBODY
    number = decimal(value)
    if number > _OWNERS[key]:
        raise FaultError(Fault.OWNER)
    return number


def _known(key: bytes, value: bytes, fields: PaxFields) -> None:
    if key in _TIMES:
        read: int | bytes | tuple[int, int] = parse_time(value) if value else b""
    elif key in _OWNERS:
        read = _owner(key, value) if value else b""
    elif key in _TEXTS:
        if b"\0" in value:
            raise FaultError(Fault.NUL)
        read = value
    elif key == b"size":
        read = decimal(value) if value else b""
    elif key.startswith(b"GNU.sparse.") and value:
        key = read = b"GNU.sparse."  # not read here, but it must not be global
    else:
        return
    if value:
        fields[key] = read
    else:  # removes what a global header or the ustar field says
        fields.pop(key, None)


def read_records(body: bytes, fields: PaxFields) -> bytes:
    """Read records into `fields`; returns, unchanged, those that only Python understands."""
    kept = []
    for record, key, value in records_in(body):  # lazily: faults come in the records' order
        _known(key, value, fields)
        if key.startswith(_FOR_PYTHON) or key in _FOR_PYTHON_WHOLE:
            kept.append(record)
    return b"".join(kept)


def normal_path(head: bytes, tail: bytes) -> tuple[bytes, bytes, bytes, int]:
    """Join prefix and name; returns (path, parent, last component, flags).

    Drops empty and "." components. What ".." means depends on the tree: it stays and is flagged.
    """
    parts = [part for part in (*head.split(b"/"), *tail.split(b"/")) if part not in (b"", b".")]
    flags = 0
    for part in parts:
        if part == b"..":
            flags |= CLIMBS
        if part[:4] == b".wh.":
            flags |= MARKER
        if len(part) > 255:
            flags |= LONG
    parent = b"/".join(parts[:-1])
    name = parts[-1] if parts else b""
    return (parent + b"/" + name if parent else name), parent, name, flags
