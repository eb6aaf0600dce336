"""A blob that comes slowly is reported while it comes, and a fast one in few pieces."""

from __future__ import annotations

import os
from pathlib import Path

from pull import pull
from pull.spec.manifest import Descriptor
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image, make_tar

IMAGE = make_image([make_tar({"a": os.urandom(120_000)})])


def positions(quirk: Quirk, directory: Path) -> list[int]:
    told: list[int] = []

    def report(descriptor: Descriptor, position: int) -> None:
        del descriptor
        told.append(position)

    with FakeRegistry(quirk) as registry:
        reference = registry.add("app", "v1", IMAGE)
        with pull(reference, cache_dir=directory, platform="linux/amd64", report=report) as image:
            image.fetch()
    return told


def test_slow(tmp_path: Path) -> None:
    slow = Quirk("GET .*/blobs/", piece_bytes=4096, pause_seconds=0.08)
    told = positions(slow, tmp_path)
    size = len(IMAGE.layers[0])
    assert told[0] == 0  # it has begun
    assert told[-1] == size
    steps = [after - before for before, after in zip(told, told[1:], strict=False)]
    assert max(steps) < size / 2
    assert len(steps) >= 4


def test_fast(tmp_path: Path) -> None:
    assert positions(Quirk(""), tmp_path) == [0, len(IMAGE.layers[0])]
