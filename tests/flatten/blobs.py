"""Blobs compressed as real image builders do it."""

from __future__ import annotations

import gzip
import hashlib
import sys
import zlib

from tests.flatten.tars import MemoryLayer, tar

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["blob_layer", "estargz", "gzip_members", "skippable", "zstd_frames"]


def blob_layer(blob: bytes, content: bytes | None = None, media_type: str = "") -> MemoryLayer:
    """A layer of a given blob; with `content` its diff_id is stated."""
    diff_id = None if content is None else "sha256:" + hashlib.sha256(content).hexdigest()
    return MemoryLayer(blob=blob, diff_id=diff_id, media_type=media_type)


def gzip_members(content: bytes, size: int) -> bytes:
    """Many members, as pigz --independent and bgzip make them."""
    return b"".join(
        gzip.compress(content[at : at + size], mtime=0) for at in range(0, len(content), size)
    )


def estargz(*members: bytes) -> tuple[bytes, bytes]:
    """(blob, content): a gzip member for each file, a footer member with an extra field.

    https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
    """
    content = tar(members)
    pieces = [gzip.compress(member, mtime=0) for member in (*members, bytes(1024))]
    offset = sum(map(len, pieces))
    extra = b"SG" + (22).to_bytes(2, "little") + b"%016xSTARGZ" % offset
    footer = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff"
    footer += len(extra).to_bytes(2, "little") + extra
    footer += zlib.compress(b"", 0, wbits=-15) + bytes(8)
    return b"".join(pieces) + footer, content


def zstd_frames(content: bytes, size: int) -> bytes:
    """Many frames."""
    return b"".join(zstd.compress(content[at : at + size]) for at in range(0, len(content), size))


def skippable(content: bytes) -> bytes:
    """A frame that decoders skip: zstd:chunked keeps its table of contents in one."""
    return b"\x50\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content
