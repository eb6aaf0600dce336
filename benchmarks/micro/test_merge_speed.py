"""The merge's loop for new plain files, over an already scanned layer of 60,000 of them."""

from __future__ import annotations

import io
import tarfile
import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from flatten.discard import Discard
from flatten.limits import Limits
from flatten.merge.rules import Merge
from flatten.native import new_scanner
from pyext4.tree import Directory, Tree

FILES = 60_000


def layer() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(FILES):
            info = tarfile.TarInfo(f"usr/share/package-{number // 20}/file-{number}")
            info.size = 100
            archive.addfile(info, io.BytesIO(bytes(100)))
    return out.getvalue()


@pytest.mark.parametrize("lowest", [True, False], ids=["lowest", "upper"])
@pytest.mark.benchmark(timer=time.process_time)
def test_merge_60000_files(benchmark: BenchmarkFixture, *, lowest: bool) -> None:
    tar = layer()
    batches = list(new_scanner(1 << 20).scan(tar))

    def merge() -> Tree:
        tree = Tree()
        running = Merge(tree, Discard(), Limits())
        running.begin_layer("layer", lowest=lowest)
        for batch in batches:
            running.apply(batch, tar)
        running.finish_chunk()
        running.end_layer()
        return tree

    share = benchmark(merge).root.children[b"usr"].children[b"share"]
    assert isinstance(share, Directory)
    assert len(share.children) == FILES // 20
