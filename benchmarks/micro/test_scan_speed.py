"""flatten's tar scan, compiled and pure, over a tar of small files."""

from __future__ import annotations

import io
import tarfile

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from flatten.native.pure import PureScanner
from flatten.tar.rows import ROW, Fault, Scanner

FILES = 1000


def small_files() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(FILES):
            info = tarfile.TarInfo(f"usr/share/some/directory/file-{number}")
            info.size = 700
            archive.addfile(info, io.BytesIO(bytes(700)))
    return out.getvalue()


@pytest.fixture(params=["compiled", "pure"])
def scanner(request: pytest.FixtureRequest) -> type[Scanner]:
    if request.param == "pure":
        return PureScanner
    compiled = pytest.importorskip("flatten.native.compiled", exc_type=ImportError)
    kind: type[Scanner] = compiled.CompiledScanner
    return kind


def test_scan_1000_files(benchmark: BenchmarkFixture, scanner: type[Scanner]) -> None:
    tar = small_files()

    def scan() -> int:
        running = scanner(1 << 20)  # type: ignore[call-arg]  # a Protocol has no constructor
        rows = sum(len(batch.rows) // ROW.size for batch in running.scan(tar))
        running.end()
        assert running.fault[0] is Fault.NONE
        return rows

    assert benchmark(scan) == FILES
