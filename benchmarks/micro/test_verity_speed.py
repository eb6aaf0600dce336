"""The digests of dm-verity's blocks, compiled and pure, and the whole hash area of an image."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from uuid import UUID

from pytest_benchmark.fixture import BenchmarkFixture

from pyext4.verity import Verity, append_verity

MIB = 1 << 20


def test_digests_of_16_mib(benchmark: BenchmarkFixture, backend: ModuleType) -> None:
    data = os.urandom(16 * MIB)
    digests = benchmark(backend.block_digests, data, 4096, bytes(32))
    assert len(digests) == 4096 * 32


def test_area_of_256_mib(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(os.urandom(256 * MIB))

    def append() -> Verity:
        return append_verity(image, 256 * MIB, salt=bytes(32), uuid=UUID(int=1))

    assert benchmark(append).data_blocks == 256 * MIB // 4096
