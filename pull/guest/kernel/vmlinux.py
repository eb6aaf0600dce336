"""Unpack a compressed kernel: the ELF file in a bzImage, or the Image for arm64.

x86: https://docs.kernel.org/arch/x86/boot.html. The setup code tells where the protected-mode code
begins (`setup_sects`), and that code tells where its payload is (`payload_offset`,
`payload_length`, protocol 2.08). "The format of both the compressed and uncompressed data should
be determined using the standard magic numbers."

arm64: https://docs.kernel.org/arch/arm64/booting.html for the Image, which is what a VMM takes, and
drivers/firmware/efi/libstub/zboot-header.S for the EFI program that has one inside. Ubuntu's
vmlinuz is an Image in plain gzip.

Other bytes (its size, padding) follow a payload, so only the first stream counts. LZO is refused:
no library that we already have reads it, and hardly any kernel uses it.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from pull.guest.init.errors import KernelError
from pull.guest.kernel import lz4

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

__all__ = ["unpacked"]

ELF = b"\x7fELF"
_PLAIN_MAX_BYTES = 1 << 30

# offsets in a bzImage
_SETUP_SECTS, _BOOT_FLAG, _HEADER, _VERSION = 0x1F1, 0x1FE, 0x202, 0x206
_PAYLOAD_OFFSET, _PAYLOAD_LENGTH = 0x248, 0x24C
_PAYLOAD_SINCE = 0x208  # protocol 2.08

# offsets in an arm64 Image and in a zboot program
_ARM64_MAGIC = slice(56, 60)
_ZBOOT_MAGIC = slice(4, 8)
_ZBOOT_PAYLOAD = struct.Struct("<8xII")  # offset, size


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


_DECOMPRESSORS: Final[tuple[tuple[bytes, Callable[[], _Decompressor]], ...]] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)),
    (b"BZ", bz2.BZ2Decompressor),
    (b"\x5d\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE)),
    (b"\xfd7", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
    (b"\x28\xb5", ZstdDecompressor),
)
_LZO = b"\x89LZO"
_DAMAGE = (zlib.error, lzma.LZMAError, ZstdError, OSError, EOFError)  # bz2 says OSError


def unpacked(data: bytes, path: str) -> bytes:
    """Return the ELF file or Image inside a kernel, which may be one already.

    Raises:
        KernelError: it is another kind of file, damaged, or compressed in an unsupported way.
    """
    if _is_plain(data):
        return data
    payload = _payload(data, path)
    kernel = _decompressed(payload, path)
    # gzip may have any of the others inside
    if not _is_plain(kernel):
        raise KernelError(
            path, "is a compressed kernel with neither an ELF file nor an Image inside"
        )
    return kernel


def _is_plain(data: bytes) -> bool:
    return data.startswith(ELF) or data[_ARM64_MAGIC] == b"ARM\x64"


def _payload(data: bytes, path: str) -> bytes:
    if data[_BOOT_FLAG : _BOOT_FLAG + 2] == b"\x55\xaa" and data[_HEADER : _HEADER + 4] == b"HdrS":
        return _payload_of_bzimage(data, path)
    if data[:2] == b"MZ" and data[_ZBOOT_MAGIC] == b"zimg" and len(data) >= _ZBOOT_PAYLOAD.size:
        offset, size = _ZBOOT_PAYLOAD.unpack_from(data)
        return _slice(data, offset, size, path)
    if any(data.startswith(magic) for magic, _ in _DECOMPRESSORS):
        return data
    raise KernelError(path, "is not a kernel that can be unpacked: no bzImage, Image or ELF file")


def _payload_of_bzimage(data: bytes, path: str) -> bytes:
    version = int.from_bytes(data[_VERSION : _VERSION + 2], "little")
    if version < _PAYLOAD_SINCE:
        raise KernelError(path, f"does not tell where its payload is: protocol {version:#06x}")
    setup_sectors = data[_SETUP_SECTS] or 4  # "if setup_sects == 0 the real value is 4"
    offset = int.from_bytes(data[_PAYLOAD_OFFSET : _PAYLOAD_OFFSET + 4], "little")
    length = int.from_bytes(data[_PAYLOAD_LENGTH : _PAYLOAD_LENGTH + 4], "little")
    return _slice(data, (setup_sectors + 1) * 512 + offset, length, path)


def _slice(data: bytes, offset: int, size: int, path: str) -> bytes:
    if not size or offset + size > len(data):
        raise KernelError(path, f"is damaged: its payload would end at {offset + size}")
    return data[offset : offset + size]


def _decompressed(payload: bytes, path: str) -> bytes:
    if _is_plain(payload):
        return payload
    if payload.startswith(_LZO):
        advice = "the kernel's scripts/extract-vmlinux does that"
        raise KernelError(path, f"is compressed with LZO, which can't be unpacked here; {advice}")
    if payload.startswith(lz4.MAGIC):
        try:
            return lz4.decompress_legacy(payload, _PLAIN_MAX_BYTES)
        except lz4.Lz4Error as error:
            raise KernelError(path, f"can't be decompressed: {error}") from error
    make = next((make for magic, make in _DECOMPRESSORS if payload.startswith(magic)), None)
    if make is None:
        raise KernelError(path, f"is compressed in an unknown way: {payload[:4].hex()}")
    decompressor = make()
    try:
        kernel = decompressor.decompress(payload, _PLAIN_MAX_BYTES)
    except _DAMAGE as error:
        raise KernelError(path, f"can't be decompressed: {error}") from error
    if not decompressor.eof:
        raise KernelError(path, f"ends too early, or is larger than {_PLAIN_MAX_BYTES} bytes")
    return kernel
