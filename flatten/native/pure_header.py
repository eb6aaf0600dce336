"""The fields of one header block: the twin of header.c.

Offsets and dialects: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
Format"; star(5).
"""

from __future__ import annotations

from flatten.tar.fields import NOBODY, FaultError, PaxFields, field
from flatten.tar.rows import KEY, TIMES_ATIME, TIMES_CTIME, Fault

__all__ = ["checksum_right", "device_numbers", "metadata_key", "prefix_of", "text_of"]

Time = tuple[int, int]


def text_of(raw: bytes) -> bytes:
    """Cut a field at its NUL."""
    return raw.partition(b"\0")[0]


def checksum_right(block: bytes) -> bool:
    """Compare with both sums: historic writers summed signed chars."""
    try:
        stated = field(block[148:156])
    except FaultError:
        return False
    counted = block[:148] + b"        " + block[156:]
    plain = sum(counted)
    return stated == plain or stated == plain - 256 * sum(byte > 127 for byte in counted)


def _owner(raw: bytes) -> int:
    value = field(raw)
    if not -1 <= value <= NOBODY:
        raise FaultError(Fault.OWNER)
    return value & NOBODY


def _header_times(fields: PaxFields, atime: bytes, ctime: bytes) -> bool:
    """Take the two times that GNU's and star's headers may hold; False if they aren't times."""
    try:
        read = {key: field(raw) for key, raw in ((b"atime", atime), (b"ctime", ctime)) if raw[0]}
    except FaultError:
        return False
    for key, seconds in read.items():
        fields.setdefault(key, (seconds, 0))
    return True


def prefix_of(block: bytes, fields: PaxFields) -> bytes:
    """Return the front part of the path, and take the times that other dialects have there."""
    magic = block[257:265]
    if magic.startswith(b"ustar\0"):
        if block[508:512] != b"tar\0":
            return text_of(block[345:500])
        _header_times(fields, block[476:488], block[488:500])
        return text_of(block[345:476])
    if magic == b"ustar  \0" and not _header_times(fields, block[345:357], block[357:369]):
        # Go before 1.8 wrote a prefix into GNU headers: if it parses as times, it isn't one.
        prefix = text_of(block[345:500])
        return prefix if prefix.isascii() else b""
    return b""


def metadata_key(block: bytes, fields: PaxFields, typeflag: int) -> bytes:
    """Pack mode, owner and times; equal bytes are equal metadata."""
    mode = field(block[100:108]) & 0o7777
    if typeflag == 0x32:
        mode = 0o777  # Linux has no other: symlink(7)
    uid = fields[b"uid"] if b"uid" in fields else _owner(block[108:116])
    gid = fields[b"gid"] if b"gid" in fields else _owner(block[116:124])
    mtime_s, mtime_n = _time_of(fields, b"mtime") or (field(block[136:148]), 0)
    atime, ctime = _time_of(fields, b"atime"), _time_of(fields, b"ctime")
    times = TIMES_ATIME * (atime is not None) + TIMES_CTIME * (ctime is not None)
    atime_s, atime_n = atime or (0, 0)
    ctime_s, ctime_n = ctime or (0, 0)
    return KEY.pack(mtime_s, atime_s, ctime_s, mtime_n, atime_n, ctime_n, mode, uid, gid, times, 0)


def _time_of(fields: PaxFields, key: bytes) -> Time | None:
    value = fields.get(key)
    return value if isinstance(value, tuple) else None


def device_numbers(block: bytes, fields: PaxFields) -> tuple[int, int]:
    """Return major and minor, from records or the header."""
    major = fields.get(b"SCHILY.devmajor")
    minor = fields.get(b"SCHILY.devminor")
    numbers = (
        major if isinstance(major, int) else field(block[329:337]),
        minor if isinstance(minor, int) else field(block[337:345]),
    )
    if not all(0 <= number <= 0xFFFFFFFF for number in numbers):
        raise FaultError(Fault.NUMBER)
    return numbers
