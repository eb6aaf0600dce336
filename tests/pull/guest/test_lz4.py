"""The legacy frame of LZ4: what the program lz4 makes, and bytes by hand."""

from __future__ import annotations

import contextlib
import random
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pull.guest.kernel.lz4 import MAGIC, Lz4Error, decompress_legacy
from pull.guest.kernel.vmlinux import unpacked
from tests.oracle_tools import need
from tests.pull.guest.test_kernel import bzimage

MOST = 1 << 26


def packed(data: bytes, *options: str) -> bytes:
    need("lz4")
    command = ["lz4", "-l", "-c", *options]  # as the kernel's Makefile calls it
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def frame(*blocks: bytes) -> bytes:
    return MAGIC + b"".join(struct.pack("<I", len(block)) + block for block in blocks)


@pytest.mark.oracle
@pytest.mark.parametrize("level", ["-1", "-9"])
@pytest.mark.parametrize(
    "data",
    [
        b"a",
        b"a" * 14,
        b"a" * 15,
        b"a" * 100_000,
        b"ab" * 50_000,
        bytes(range(256)) * 500,
        random.Random(1).randbytes(100_000),
        b"".join(b"%d," % number for number in range(200_000)),
        bytes(8 << 20),
        bytes(8 << 20) + b"a",
        random.Random(2).randbytes((8 << 20) + 5),
    ],
    ids=lambda data: str(len(data)),
)
@pytest.mark.parametrize("appended", [False, True], ids=["", "with its size"])
def test_what_lz4_makes(data: bytes, level: str, appended: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    size = struct.pack("<I", len(data)) if appended else b""
    assert decompress_legacy(packed(data, level) + size, MOST) == data


@pytest.mark.oracle
def test_a_kernel_in_it() -> None:
    elf = b"\x7fELF" + bytes(range(256)) * 9000
    payload = packed(elf, "-9") + struct.pack("<I", len(elf))
    assert unpacked(bzimage(payload), "k") == elf


@pytest.mark.parametrize(
    ("block", "data"),
    [
        (b"\x10a", b"a"),
        (b"\x00", b""),
        (b"\xf0\x00" + b"a" * 15, b"a" * 15),
        (b"\xf0\xff\x00" + b"a" * 270, b"a" * 270),
        (b"\x10a\x01\x00\x10b", b"aaaaab"),
        (b"\x1fa\x01\x00\x00\x10b", b"a" * 20 + b"b"),
        (b"\x30abc\x03\x00\x10d", b"abcabcad"),
    ],
)
def test_blocks_by_hand(block: bytes, data: bytes) -> None:
    assert decompress_legacy(frame(block), MOST) == data
    assert decompress_legacy(frame(block, block), MOST) == data * 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (MAGIC + b"\x05\x00\x00\x00\x10a", "reaches beyond the end"),
        (MAGIC + b"\x00\x00\x00\x00", ""),
        (MAGIC + b"\x00\x00\x00\x00\x10a", "reaches beyond the end"),
        (MAGIC + b"\x05", "reaches beyond the end"),
        (frame(b""), ""),
        (frame(b"\x20a"), "ends too early"),
        (frame(b"\xf0\xff\xff"), "ends too early"),
        (frame(b"\x10a\x01"), "ends too early"),
        (frame(b"\x10a\x01\x00"), "ends too early"),
        (frame(b"\x10a\x02\x00\x10b"), "reaches out of its block"),
        (frame(b"\x10a\x00\x00\x10b"), "reaches out of its block"),
        (frame(b"\x10a", b"\x00\x01\x00\x10b"), "reaches out of its block"),
        (frame(b"\x1fa\x01\x00" + b"\xff" * 40000 + b"\x00\x10b"), "reaches out of its block"),
    ],
)
def test_damage(data: bytes, message: str) -> None:
    if not message:  # nothing, and its size behind it
        assert decompress_legacy(data, MOST) == b""
        return
    with pytest.raises(Lz4Error) as caught:
        decompress_legacy(data, MOST)
    assert message in str(caught.value)


def test_more_than_allowed() -> None:
    with pytest.raises(Lz4Error, match="more than 10 bytes"):
        decompress_legacy(frame(b"\x1fa\x01\x00\x00\x10b"), 10)


@given(st.binary(max_size=200))
def test_any_bytes_are_data_or_an_error(data: bytes) -> None:
    with contextlib.suppress(Lz4Error):
        decompress_legacy(MAGIC + data, MOST)
