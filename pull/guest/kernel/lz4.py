"""LZ4's legacy frame, in which Debian's and other kernels are compressed.

https://github.com/lz4/lz4/tree/dev/doc: lz4_Frame_format.md ("Legacy frame"), lz4_Block_format.md.
A magic number, then blocks, each after its compressed size. The kernel's build appends the
decompressed size (scripts/Makefile.lib, size_append), which tells where the blocks end.

The standard library has no LZ4. A kernel takes some seconds this way; a dependency for every
installation, just for this one file, costs more.
"""

from __future__ import annotations

__all__ = ["MAGIC", "Lz4Error", "decompress_legacy"]

MAGIC = b"\x02\x21\x4c\x18"
_BLOCK_BYTES = 8 << 20  # what a block holds at most
_MATCH_LEAST = 4


class Lz4Error(Exception):
    """Bytes are not LZ4."""


def decompress_legacy(data: bytes, most_bytes: int) -> bytes:
    """Decompress the single frame in `data`, with its size appended or not.

    Raises:
        Lz4Error: it is damaged, or more than `most_bytes`.
    """
    out = bytearray()
    position = len(MAGIC)
    while position < len(data):
        if position + 4 == len(data) and int.from_bytes(data[position:], "little") == len(out):
            break  # the appended size
        size = int.from_bytes(data[position : position + 4], "little")
        position += 4
        if not size or position + size > len(data):
            msg = "a block reaches beyond the end"
            raise Lz4Error(msg)
        try:
            out += _block(data[position : position + size])
        except IndexError as error:
            msg = "a block ends too early"
            raise Lz4Error(msg) from error
        position += size
        if len(out) > most_bytes:
            msg = f"more than {most_bytes} bytes"
            raise Lz4Error(msg)
    return bytes(out)


def _block(data: bytes) -> bytearray:
    """Decompress one block: repeated literals and a match; literals without a match end it."""
    out = bytearray()
    position, end = 0, len(data)
    while True:
        token = data[position]
        position += 1
        length = token >> 4
        if length == 15:
            length, position = _longer(data, position, length)
        if position + length > end:
            raise IndexError
        out += data[position : position + length]
        position += length
        if position == end:
            return out
        distance = data[position] | data[position + 1] << 8
        position += 2
        length = token & 15
        if length == 15:
            length, position = _longer(data, position, length)
        length += _MATCH_LEAST
        start = len(out) - distance
        if distance == 0 or start < 0 or len(out) + length > _BLOCK_BYTES:
            msg = "a match reaches out of its block"
            raise Lz4Error(msg)
        if distance >= length:
            out += out[start : start + length]
        else:  # the match overlaps its own output
            out += (out[start:] * (length // distance + 1))[:length]


def _longer(data: bytes, position: int, length: int) -> tuple[int, int]:
    """Add up a length that goes on in the bytes from `position`; return it and where they end."""
    while True:
        more = data[position]
        position += 1
        length += more
        if more != 255:
            return length, position
