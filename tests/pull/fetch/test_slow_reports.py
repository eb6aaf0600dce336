"""A blob that comes slowly is reported while it comes, and a fast one in few pieces."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

from pull import pull
from pull.spec.manifest import Descriptor
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image, make_tar

IMAGE = make_image([make_tar({"a": os.urandom(500_000)}), make_tar({"b": os.urandom(100_000)})])


def positions(quirk: Quirk, directory: Path) -> list[list[int]]:
    told: dict[str, list[int]] = {}

    def report(descriptor: Descriptor, position: int) -> None:
        told.setdefault(str(descriptor.digest), []).append(position)

    with FakeRegistry(quirk) as registry:
        reference = registry.add("app", "v1", IMAGE)
        with pull(
            reference, cache_dir=directory, platform="linux/amd64", jobs=1, report=report
        ) as image:
            image.fetch()
            return [told[layer.digest] for layer in image.layers]


def test_slow(tmp_path: Path) -> None:
    slow = Quirk("GET .*/blobs/", piece_bytes=8192, pause_seconds=0.05)
    large, small = positions(slow, tmp_path)
    assert (large[0], small[0]) == (0, 0)  # they have begun
    assert (large[-1], small[-1]) == tuple(map(len, IMAGE.layers))
    steps = [after - before for before, after in pairwise(large)]
    assert max(steps[1:]) <= 1 << 17  # the first one tells how slow it is
    assert len(small) >= 3  # what was learnt holds for the next layer


def test_fast(tmp_path: Path) -> None:
    assert positions(Quirk(""), tmp_path) == [[0, len(layer)] for layer in IMAGE.layers]
