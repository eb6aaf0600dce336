"""Random pairs of disks: the qcow2 image on the base is the image, whatever the two are."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyext4 import write_qcow2
from tests.oracle_tools import need
from tests.pyext4.qcow2.qemu import agrees

EXAMPLES = int(os.environ.get("PYEXT4_EXAMPLES", "300")) // 10

# around blocks, windows (1 MiB) and what an L2 table maps (2 MiB)
places = st.one_of(
    st.integers(0, 5 << 20),
    st.builds(
        lambda unit, count, bytes_: max(0, unit * count + bytes_),
        st.sampled_from([512, 4096, 1 << 20, 2 << 20]),
        st.integers(0, 5),
        st.integers(-1, 1),
    ),
)
changes = st.lists(
    st.tuples(places, places, st.sampled_from(["zeros", "bytes", "same"])), max_size=6
)


@pytest.mark.oracle
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 30)
@given(places, places, changes, st.integers(0, 1 << 32))
def test_the_disk_is_the_image(
    image_size: int, base_size: int, edits: list[tuple[int, int, str]], seed: int
) -> None:
    need("qemu-img")
    numbers = random.Random(seed)
    base = numbers.randbytes(base_size)
    image = bytearray(base[:image_size].ljust(image_size, b"\0"))
    for one, other, kind in edits:
        start, end = min(one, other, image_size), min(max(one, other), image_size)
        if kind == "zeros":
            image[start:end] = bytes(end - start)
        elif kind == "bytes":
            image[start:end] = numbers.randbytes(end - start)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "image").write_bytes(image)
        (directory / "base").write_bytes(base)
        made = write_qcow2(directory / "image", directory / "base", directory / "out.qcow2")
        agrees(directory / "out.qcow2", directory / "image", directory / "converted")
    seen = bytes(image) + bytes(-len(image) % 512)
    below = base[: len(seen)].ljust(len(seen), b"\0")
    blocks = [slice(start, start + 4096) for start in range(0, len(seen), 4096)]
    differ = [seen[block] for block in blocks if seen[block] != below[block]]
    zeros = sum(not any(block) for block in differ)
    assert made.zeroed_bytes == zeros * 4096
    assert made.changed_bytes == (len(differ) - zeros) * 4096
