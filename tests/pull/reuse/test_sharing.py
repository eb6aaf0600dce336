"""On XFS states share their blocks with images, and cost nothing."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pull.cache import Cache
from pull.cache.maintenance import referenced
from pull.cache.states import states
from pyext4.checkpoint.sharing import shared_bytes
from tests.flatten import tars
from tests.oracle_tools import need, need_root
from tests.property.tree_judges import e2fsck_is_silent
from tests.pull.reuse.stacks import STACK, converted, digest_of, layout_of, numbered_file

pytestmark = pytest.mark.oracle

XFS_BYTES = 400 << 20  # mkfs.xfs makes none below 300 MiB
LARGE = tars.layer(*[numbered_file(b"large/%d" % n, 1 << 20, n) for n in range(16)])


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    need("mkfs.xfs", "mount", "umount")
    need_root()
    disk, place = tmp_path / "xfs.img", tmp_path / "xfs"
    with disk.open("wb") as file:
        file.truncate(XFS_BYTES)
    place.mkdir()
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", disk], check=True)
    subprocess.run(["mount", "-o", "loop", disk, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def shared(path: Path) -> int:
    with path.open("rb") as file:
        return shared_bytes(file.fileno())


def test_the_first_conversion_keeps_and_the_second_shares(xfs: Path) -> None:
    layout = layout_of(xfs / "layout", [(LARGE, *STACK), (LARGE, *STACK[:3])])
    converted(layout, 1, xfs / "fresh", xfs / "none", "never")
    first = converted(layout, 0, xfs / "first", xfs / "cache")
    assert first.kept == 2
    again = converted(layout, 0, xfs / "again", xfs / "cache")
    assert (again.reused, again.kept) == (5, 0)
    assert again.shared_bytes == shared(xfs / "again")
    other = converted(layout, 1, xfs / "other", xfs / "cache")
    assert other.reused == 1
    assert digest_of(xfs / "first") == digest_of(xfs / "again")
    assert digest_of(xfs / "other") == digest_of(xfs / "fresh")
    for name in ("first", "again", "other"):
        e2fsck_is_silent(xfs / name)
        assert shared(xfs / name) >= 16 << 20
    used = subprocess.run(["du", "-s", "-B1", xfs / "fresh"], capture_output=True, check=True)
    alone = int(used.stdout.split()[0])
    free = os.statvfs(xfs)
    # the layout, one image alone, and what three images and their states share
    assert (free.f_blocks - free.f_bfree) * free.f_frsize < 3 * alone + (30 << 20)


def test_what_states_occupy_is_told(xfs: Path) -> None:
    layout = layout_of(xfs / "layout", [(LARGE, *STACK)])
    converted(layout, 0, xfs / "first", xfs / "cache")
    cache = Cache(xfs / "cache")
    found = states(cache, referenced(cache))
    assert len(found) == 2
    assert all(state.shared >= 16 << 20 for state in found)
    assert all(state.size > state.shared for state in found)
    (xfs / "first").unlink()
    for state in found[1:]:
        for part in ("data", "state"):
            (xfs / "cache" / "checkpoints" / f"{state.key}.{part}").unlink()
    deadline = time.monotonic() + 30
    while states(cache, {})[0].shared and time.monotonic() < deadline:
        os.sync()  # XFS frees the blocks of removed files in the background
        time.sleep(0.1)
    assert states(cache, {})[0].shared == 0


def test_ext4_shares_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100_000))
    assert shared(path) == 0
