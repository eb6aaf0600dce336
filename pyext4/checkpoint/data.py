"""The data area of an image, from one file to another, and what it must be.

Where the filesystem can (XFS, btrfs, bcachefs), the other file shares the blocks: FICLONERANGE
takes milliseconds and no space. Elsewhere the bytes are copied, but not the holes.

Checksums are those of the windows that were written, so that nothing is read to know them. Only
what was written twice, or never, is read back.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterable, Iterator, Sequence

from pyext4 import native
from pyext4.checkpoint.moves import Move
from pyext4.image.sink import CRC_SEED, Piece

__all__ = ["clone", "copy", "is_sound", "pieces_of"]

_FICLONERANGE = 0x4020940D  # _IOW(0x94, 13, struct file_clone_range) of linux/fs.h
_RANGE = struct.Struct("=qQQQ")  # src_fd, src_offset, src_length, dest_offset
_CAN_T_CLONE = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM}
)
_PIECE_BYTES = 4 << 20


def clone(source: int, target: int, moves: Iterable[Move]) -> bool:
    """Let `target` share bytes of `source`; False: it can't, at least not all of them.

    Raises:
        OSError: something is wrong other than that these files can't share blocks.
    """
    try:
        for move in moves:
            request = _RANGE.pack(source, move.source, move.length, move.target)
            fcntl.ioctl(target, _FICLONERANGE, request)
    except OSError as error:
        if error.errno in _CAN_T_CLONE:
            return False
        raise
    return True


def copy(source: int, target: int, moves: Sequence[Move]) -> None:
    """Copy bytes, but the holes.

    Raises:
        OSError: reading or writing failed, or the source is shorter.
    """
    for move in moves:
        shift = move.target - move.source
        for start, end in _data(source, move.source, move.source + move.length):
            at = start
            while at < end:
                done = os.copy_file_range(source, target, end - at, at, at + shift)
                if done == 0:
                    raise OSError(errno.EIO, "is shorter than it was")
                at += done
    end = max((move.target + move.length for move in moves), default=0)
    if os.fstat(target).st_size < end:
        os.ftruncate(target, end)


def _data(fd: int, at: int, length: int) -> Iterator[tuple[int, int]]:
    while at < length:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only holes follow
                return
            raise
        if start >= length:
            return
        at = min(os.lseek(fd, start, os.SEEK_HOLE), length)
        yield start, at


def pieces_of(fd: int, written: Iterable[Piece], end: int) -> list[Piece]:
    """Return checksums of all of a file's first `end` bytes; `written` has those of most.

    Later ones of `written` may have replaced what earlier ones wrote.

    Raises:
        OSError: reading failed.
    """
    kept: list[Piece] = []
    for piece in sorted(written):
        if piece.offset + piece.length > end:
            continue
        if kept and piece.offset < kept[-1].offset + kept[-1].length:
            last = kept.pop()  # neither is known any more; what follows may lie over both
            reach = max(last.offset + last.length, piece.offset + piece.length)
            kept.append(Piece(last.offset, reach - last.offset, -1))
        else:
            kept.append(piece)
    out: list[Piece] = []
    at = 0
    for piece in [*(each for each in kept if each.crc >= 0), Piece(end, 0, 0)]:
        out += _read(fd, at, piece.offset)
        if piece.length:
            out.append(piece)
        at = piece.offset + piece.length
    return out


def is_sound(fd: int, pieces: Iterable[Piece]) -> bool:
    """Tell whether a file's bytes are those of the pieces; raises OSError."""
    return all(_crc(fd, piece.offset, piece.length) == piece.crc for piece in pieces)


def _read(fd: int, start: int, end: int) -> Iterator[Piece]:
    for offset in range(start, end, _PIECE_BYTES):
        length = min(_PIECE_BYTES, end - offset)
        yield Piece(offset, length, _crc(fd, offset, length))


def _crc(fd: int, offset: int, length: int) -> int:
    data = os.pread(fd, length, offset)
    # what was never written at the file's end reads as zeros, in an image too
    return native.crc32c(CRC_SEED, data + bytes(length - len(data)))
