"""The backend in Python: this file defines the behaviour, and `compiled` follows it.

Every function takes whole buffers and changes nothing else. A seed of None means a filesystem
without metadata_csum.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from array import array
from collections.abc import Generator
from itertools import accumulate

import crc32c as _crc32c

from pyext4.buffer import Buffer
from pyext4.native import dirhash
from pyext4.native.rows import (
    DIRECTORY_ROW,
    ENTRY_ROW,
    INODE_ROW,
    SPAN,
    WINDOW,
    Entries,
    Names,
)
from pyext4.numbers import MAX_32, NS_PER_SECOND
from pyext4.ondisk.dir_entry import EXT4_FT_DIR, EXT4_FT_DIR_CSUM, DirEntry2, DirEntryTail
from pyext4.ondisk.inode import Inode, Inode128
from pyext4.packer import Packer

__all__ = [
    "bitmap_set",
    "block_digests",
    "crc32c",
    "crc32c_blocks",
    "gather",
    "has_sha256",
    "hash_names",
    "index_leaves",
    "inode_table",
    "linear_directories",
    "punch",
    "read_files",
    "scan_directories",
]

_SCAN_ENTRIES = 1024


_SECOND_BITS = 34  # two epoch bits above 32: to 2446

_ENTRY = Packer(DirEntry2)
_ENTRY_HEAD = _ENTRY.struct
_ENTRY_TAIL = Packer(DirEntryTail, zero=("det_reserved_zero1", "det_reserved_zero2")).struct
_REC_LEN = _ENTRY.offsets["rec_len"]
# i_dtime: nothing was deleted. i_generation, i_version_hi, i_projid: unset. i_obso_faddr,
# l_i_reserved: not used. The checksum comes last, over the rest.
_INODE = Packer(
    Inode,
    zero=(
        "i_dtime", "i_generation", "i_obso_faddr", "l_i_checksum_lo", "l_i_reserved",
        "i_checksum_hi", "i_version_hi", "i_projid",
    ),
)  # fmt: skip
_INODE_FIELDS = _INODE.struct
_I_CHECKSUM_LO = _INODE.offsets["l_i_checksum_lo"]
_I_CHECKSUM_HI = _INODE.offsets["i_checksum_hi"]
_EXTRA_ISIZE = Inode.sizeof() - Inode128.sizeof()
_U16 = struct.Struct("<H")


def crc32c(seed: int, data: Buffer) -> int:
    """Continue ext4's CRC-32C, which is not inverted at its ends, from `seed`."""
    return int(_crc32c.crc32c(data, seed ^ MAX_32)) ^ MAX_32


def crc32c_blocks(seed: int, data: Buffer, size: int) -> list[int]:
    """Return the crc of each `size` bytes of `data`."""
    view = memoryview(data)
    return [crc32c(seed, view[at : at + size]) for at in range(0, len(view) // size * size, size)]


def bitmap_set(bitmap: bytearray, ranges: list[tuple[int, int]]) -> None:
    """Set the bits of each (first, count), which lie inside the bitmap."""
    for first, count in ranges:
        end = first + count
        while first < end and first % 8:
            bitmap[first // 8] |= 1 << first % 8
            first += 1  # noqa: PLW2901
        whole = end // 8 - first // 8
        if whole > 0:
            bitmap[first // 8 : end // 8] = b"\xff" * whole
            first = end // 8 * 8  # noqa: PLW2901
        for bit in range(first, end):
            bitmap[bit // 8] |= 1 << bit % 8


def _split_time(since_first: int) -> tuple[int, int]:
    """Return the 32-bit seconds and the extra word: two epoch bits, 30 bits of nanoseconds."""
    whole, nanoseconds = divmod(since_first, NS_PER_SECOND)
    if whole >> _SECOND_BITS:
        raise OverflowError
    return (whole - (1 << 31)) & MAX_32, whole >> 32 | nanoseconds << 2


def inode_table(
    table: bytearray,
    *,
    inode_size: int,
    first_ino: int,
    rows: bytearray,
    xattrs: Buffer,
    fs_seed: int | None,
) -> int | None:
    """Fill `table`, which is zero and begins with `first_ino`, from packed INODE_ROWs.

    Returns the index of a row whose times ext4 can't hold, or None.
    """
    for index, row in enumerate(INODE_ROW.iter_unpack(rows)):
        (
            since_atime, since_ctime, since_mtime, since_crtime, size, sectors, file_acl,
            ino, uid, gid, flags, version, xattr_offset, xattr_length, mode, links, i_block,
        ) = row  # fmt: skip
        try:
            atime, atime_extra = _split_time(since_atime)
            ctime, ctime_extra = _split_time(since_ctime)
            mtime, mtime_extra = _split_time(since_mtime)
            crtime, crtime_extra = _split_time(since_crtime)
        except OverflowError:
            return index
        at = (ino - first_ino) * inode_size
        # the order of the declaration, without the fields left zero; `_INODE` names them
        _INODE_FIELDS.pack_into(
            table, at,
            mode, uid & 0xFFFF, size & MAX_32, atime, ctime, mtime, gid & 0xFFFF, links,
            sectors & MAX_32, flags, version, i_block, file_acl & MAX_32, size >> 32,
            sectors >> 32, file_acl >> 32, uid >> 16, gid >> 16, _EXTRA_ISIZE,
            ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra,
        )  # fmt: skip
        start = at + _INODE.size
        end = start + xattr_length
        table[start:end] = xattrs[xattr_offset : xattr_offset + xattr_length]
        if fs_seed is not None:
            crc = crc32c(_inode_seed(fs_seed, ino), memoryview(table)[at : at + inode_size])
            _U16.pack_into(table, at + _I_CHECKSUM_LO, crc & 0xFFFF)
            _U16.pack_into(table, at + _I_CHECKSUM_HI, crc >> 16)
    return None


def _inode_seed(fs_seed: int, ino: int) -> int:
    return crc32c(fs_seed, struct.pack("<II", ino, 0))


def hash_names(names: Names, version: int, seed: bytes) -> array[int]:
    """Return `hash << 32 | minor hash` of each name; `version` is s_def_hash_version."""
    words = struct.unpack("<4I", seed)
    out = array("Q")
    at = 0
    for length in names.lengths:
        out.append(dirhash.hash_name(names.joined[at : at + length], version, words))
        at += length
    return out


class _Block:
    """A directory block being filled; closing it extends its last entry to the end."""

    __slots__ = ("_seed", "capacity", "last", "used", "view")

    def __init__(self, view: memoryview, seed: int | None) -> None:
        self.view = view
        self.capacity = len(view) - (_ENTRY_TAIL.size if seed is not None else 0)
        self.used = self.last = 0
        self._seed = seed

    def add(self, ino: int, name: bytes, file_type: int) -> bool:
        record = (_ENTRY_HEAD.size + len(name) + 3) // 4 * 4
        if self.used + record > self.capacity:
            return False
        _ENTRY_HEAD.pack_into(self.view, self.used, ino, record, len(name), file_type)
        start = self.used + _ENTRY_HEAD.size
        self.view[start : start + len(name)] = name
        self.last = self.used
        self.used += record
        return True

    def close(self) -> None:
        _U16.pack_into(self.view, self.last + _REC_LEN, self.capacity - self.last)
        if self._seed is not None:
            crc = crc32c(self._seed, self.view[: self.capacity])
            _ENTRY_TAIL.pack_into(self.view, self.capacity, _ENTRY_TAIL.size, EXT4_FT_DIR_CSUM, crc)


def linear_directories(
    out: bytearray, *, block_size: int, rows: bytearray, names: Names, fs_seed: int | None
) -> int | None:
    """Fill the blocks of directories without an index, one after another, in zeroed `out`.

    `rows` are packed DIRECTORY_ROWs, whose entries follow one another in `names`. Returns the
    index of a row whose entries need more blocks than it says, or None.
    """
    view = memoryview(out)
    blocks = (view[at : at + block_size] for at in range(0, len(view), block_size))
    position = at = 0
    for index, row in enumerate(DIRECTORY_ROW.iter_unpack(rows)):
        ino, parent_ino, entries, block_count = row
        seed = None if fs_seed is None else _inode_seed(fs_seed, ino)
        block = _Block(next(blocks), seed)
        filled = 1
        block.add(ino, b".", EXT4_FT_DIR)
        block.add(parent_ino, b"..", EXT4_FT_DIR)
        for entry in range(position, position + entries):
            end = at + names.lengths[entry]
            name = names.joined[at:end]
            at = end
            if not block.add(names.inos[entry], name, names.types[entry]):
                block.close()
                if filled == block_count:
                    return index
                block = _Block(next(blocks), seed)
                filled += 1
                block.add(names.inos[entry], name, names.types[entry])
        position += entries
        block.close()
        for _ in range(filled, block_count):
            _Block(next(blocks), seed).close()
    return None


def index_leaves(
    out: memoryview,
    *,
    block_size: int,
    order: array[int],
    starts: array[int],
    names: Names,
    fs_seed: int | None,
    ino: int,
) -> None:
    """Fill the leaves of one indexed directory in zeroed `out`.

    Leaf i holds the entries order[starts[i]] to order[starts[i + 1] - 1].
    """
    seed = None if fs_seed is None else _inode_seed(fs_seed, ino)
    ends = list(accumulate(names.lengths))
    for leaf in range(len(starts) - 1):
        block = _Block(out[leaf * block_size : (leaf + 1) * block_size], seed)
        for entry in order[starts[leaf] : starts[leaf + 1]]:
            end = ends[entry]
            name = names.joined[end - names.lengths[entry] : end]
            block.add(names.inos[entry], name, names.types[entry])
        block.close()


def gather(window: Buffer, block_size: int, state: bytearray, chunk: Buffer, spans: Buffer) -> bool:
    """Gather packed SPANs of `chunk` in `window`, laid out as in the image.

    `state` is a packed WINDOW. Returns True when a span doesn't continue where the window ends, or
    the window is full: the caller then writes and empties it, and repeats the call. Returns False
    when all spans are gathered.
    """
    image_offset, filled, zeros, number, done = WINDOW.unpack(state)
    into, out_of = memoryview(window), memoryview(chunk)
    capacity = len(into)
    count = len(spans) // SPAN.size
    full = False
    while number < count and not full:
        span_offset, chunk_offset, length, padding = SPAN.unpack_from(spans, number * SPAN.size)
        at = span_offset + done
        if not filled:
            image_offset = at
        elif not (
            image_offset + filled - zeros <= at <= image_offset + filled
            and span_offset + length + padding >= image_offset + filled
        ):
            full = True
            break
        filled = at - image_offset
        zeros = 0
        if done < length:
            piece = min(length - done, capacity - filled)
            start = chunk_offset + done
            into[filled : filled + piece] = out_of[start : start + piece]
            filled += piece
            done += piece
        if done >= length:
            zeros = min(length + padding - done, capacity - filled)
            into[filled : filled + zeros] = bytes(zeros)
            filled += zeros
            done += zeros
        full = done < length + padding
        if not full:
            number += 1
            done = 0
            # written alone, so that the next window begins with a block
            full = image_offset % block_size != 0
    WINDOW.pack_into(state, 0, image_offset, filled, zeros, number, done)
    return full


def read_files(
    names: list[bytes], sizes: array[int], stride: int, out: bytearray
) -> tuple[int, int] | None:
    """Read whole files of up to `stride` bytes, each padded with zeros to `stride` bytes.

    `sizes` has typecode "I"; `out` has one byte more than the files take. Returns None, or the
    first file whose size is wrong or that can't be read, with the bytes it has (any larger number
    for one that is longer) or a negative errno.
    """
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.read(fd, size + 1)
            finally:
                os.close(fd)
        except OSError as error:
            return number, -(error.errno or 0)
        if len(data) != size:
            return number, len(data)
        out[number * stride : (number + 1) * stride] = data.ljust(stride, b"\0")
    return None


def scan_directories(directories: list[bytes]) -> Generator[Entries, None, None]:
    """Yield the entries of directories of the host, a few hundred at a time.

    They come directory by directory, in each directory's own order. Close the iterator if you
    don't exhaust it.

    Raises:
        OSError: a directory or an entry can't be read; the error has the path.
    """
    counts, names, rows = [0] * len(directories), [], bytearray()
    for number, directory in enumerate(directories):
        with os.scandir(directory) as entries:
            for entry in entries:
                names.append(entry.name)
                rows += _entry_row(entry)
                counts[number] += 1
                if len(names) == _SCAN_ENTRIES:
                    yield Entries(counts=counts, names=names, rows=rows)
                    counts, names, rows = [0] * len(directories), [], bytearray()
    if names:
        yield Entries(counts=counts, names=names, rows=rows)


def _entry_row(entry: os.DirEntry[bytes]) -> bytes:
    status = entry.stat(follow_symlinks=False)
    seconds, nanoseconds = divmod(status.st_mtime_ns, NS_PER_SECOND)
    has_xattrs = bool(os.listxattr(entry.path, follow_symlinks=False))
    plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and not has_xattrs
    return ENTRY_ROW.pack(
        seconds, nanoseconds, status.st_mode, status.st_uid, status.st_gid,
        status.st_size, plain, has_xattrs, status.st_dev, status.st_ino, status.st_nlink,
        os.major(status.st_rdev), os.minor(status.st_rdev),
    )  # fmt: skip


def punch(fd: int, offset: int, length: int) -> None:
    """Make a range of the file read as zero."""
    zeros = bytes(min(length, 1 << 20))
    end = offset + length
    while offset < end:
        offset += os.pwrite(fd, zeros[: end - offset], offset)


def has_sha256() -> bool:
    """Return whether `block_digests` runs without the interpreter's lock."""
    return False


def block_digests(data: Buffer, size: int, salt: bytes) -> bytes:
    """Return the SHA-256 of `salt` and each block of `size` bytes, one after the other."""
    salted = hashlib.sha256(salt)
    view = memoryview(data)
    digests = []
    for begin in range(0, len(view), size):
        digest = salted.copy()
        digest.update(view[begin : begin + size])
        digests.append(digest.digest())
    return b"".join(digests)
