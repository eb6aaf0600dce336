"""A state serves images of other sizes, whose copies of the descriptors are at other blocks."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

import pull
from tests.flatten import tars
from tests.oracle_tools import need
from tests.pull.reuse.stacks import converted, digest_of, layout_of, numbered_file

MIB = 1 << 20

# With blocks of 1 KiB there are copies at 8 MiB, 24 MiB and 40 MiB. `c` and `f` lie around one; the
# hole that `c` leaves is filled by `g`, also around it.
LAYERS = (
    tars.layer(*[numbered_file(b"%c" % name, 3 * MIB + 77, name) for name in b"abc"]),
    tars.layer(numbered_file(b"d", 13 * MIB, 5), tars.whiteout(b"c")),
    tars.layer(numbered_file(b"g", 3 * MIB - 500, 6), numbered_file(b"f", 9 * MIB, 7)),
    tars.layer(tars.whiteout(b"a"), numbered_file(b"h", 2 * MIB + 1, 8)),
)
SIZES = (None, 64 * MIB, 300 * MIB)


def how(size_bytes: int | None) -> pull.FilesystemOptions:
    return pull.FilesystemOptions(block_size_bytes=1024, size_bytes=size_bytes)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = [LAYERS[:2], LAYERS[:3], LAYERS, (*LAYERS[:3], LAYERS[0])]
    return layout_of(tmp_path_factory.mktemp("sizes") / "layout", images)


@pytest.fixture(scope="module")
def wanted(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], str]:
    """Return the digests of full conversions, by image and by number of the size."""
    out = tmp_path_factory.mktemp("fresh") / "out"
    digests = {}
    for image, (number, size) in itertools.product(range(1, 4), enumerate(SIZES)):
        converted(layout, image, out, out.parent / "none", "never", filesystem=how(size))
        digests[image, number] = digest_of(out)
    return digests


@pytest.mark.parametrize("first", range(len(SIZES)))
def test_any_size_after_any_other(
    first: int, layout: Path, wanted: dict[tuple[int, int], str], tmp_path: Path
) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    converted(layout, 2, out, cache, "always", filesystem=how(SIZES[first]))
    for image, (number, size) in itertools.product((2, 1, 3), enumerate(SIZES)):
        made = converted(layout, image, out, cache, "always", filesystem=how(size))
        assert made.reused > 0
        assert digest_of(out) == wanted[image, number]


def test_images_are_clean_and_differ_in_their_copies(layout: Path, tmp_path: Path) -> None:
    need("e2fsck", "debugfs")
    cache = tmp_path / "cache"
    extents = set()
    for number, size in enumerate(SIZES):
        out = tmp_path / f"{number}"
        made = converted(layout, 2, out, cache, "always", filesystem=how(size))
        assert made.reused == (len(LAYERS) if number else 0)
        done = subprocess.run(
            ["e2fsck", "-fn", str(out)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        request = ["debugfs", "-R", "blocks /g", str(out)]
        extents.add(subprocess.run(request, capture_output=True, check=True).stdout)
    assert len(extents) == len(SIZES)


def test_the_whole_image_is_kept_once_for_all_sizes(layout: Path, tmp_path: Path) -> None:
    for size in SIZES:
        made = converted(
            layout, 2, tmp_path / "out", tmp_path / "cache", "always", filesystem=how(size)
        )
    assert (made.reused, made.kept) == (len(LAYERS), 0)
