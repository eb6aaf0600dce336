"""The digests of blocks, compiled and pure, compared with hashlib one at a time."""

from __future__ import annotations

import hashlib
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyext4.native import compiled, pure

BACKENDS = pytest.mark.parametrize("backend", [pure, compiled])


def one_by_one(data: bytes, size: int, salt: bytes) -> bytes:
    blocks = [data[begin : begin + size] for begin in range(0, len(data), size)]
    return b"".join(hashlib.sha256(salt + block).digest() for block in blocks)


# what is left of the salt meets a chunk's end, and the padding needs one chunk more
SALTS = (0, 1, 31, 32, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 255, 256)


@BACKENDS
@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("size", [64, 512, 1024, 4096])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_salts_and_sizes(backend: ModuleType, salt: int, size: int, count: int) -> None:
    data = hashlib.shake_128(b"data").digest(size * count)
    given = hashlib.shake_128(b"salt").digest(salt)
    assert backend.block_digests(data, size, given) == one_by_one(data, size, given)


@BACKENDS
def test_no_blocks(backend: ModuleType) -> None:
    assert backend.block_digests(b"", 4096, b"salt") == b""


@BACKENDS
def test_known_digest(backend: ModuleType) -> None:
    """FIPS 180-2, B.3: a million times the letter a."""
    found = backend.block_digests(b"a" * 1_000_000, 1_000_000, b"")
    assert found.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"


@given(st.binary(max_size=700), st.integers(1, 300), st.binary(max_size=256), st.integers(0, 7))
def test_both_backends(data: bytes, size: int, salt: bytes, skip: int) -> None:
    view = memoryview(data)[skip:]  # at every alignment
    view = view[: len(view) // size * size]
    assert compiled.block_digests(view, size, salt) == pure.block_digests(view, size, salt)


def test_processor_without_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "has_sha256", lambda: False)
    data = hashlib.shake_128(b"data").digest(8192)
    assert compiled.block_digests(data, 4096, b"salt") == one_by_one(data, 4096, b"salt")
