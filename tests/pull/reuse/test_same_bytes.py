"""An image is the same with and without states of its layers, whatever was kept before."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pull
from flatten import FlattenError, flatten
from pull.command.reuse import VERSION
from pyext4 import Ext4Writer, Options
from pyext4.native import BACKEND
from tests.flatten import tars
from tests.flatten.naive_model import Entry
from tests.flatten.tars import MemoryLayer
from tests.flatten.test_merge_model import packed
from tests.pull.reuse.stacks import STACK, converted, digest_of, layout_of

COURSES = int(os.environ.get("REUSE_COURSES", "300" if BACKEND == "native" else "30"))

PATHS = st.sampled_from(["a", "b", "c", "a/a", "a/b", "b/a", "a/a/b"])
TEXTS = st.sampled_from(["", "1", "2" * 700, "3" * 5000, "4" * 9000, "5" * 40_000])
ENTRIES = st.one_of(
    st.builds(Entry, st.just("file"), PATHS, TEXTS, st.just(0o644)),
    st.builds(Entry, st.just("file"), PATHS, TEXTS, st.just(0o600)),
    st.builds(Entry, st.just("dir"), PATHS, st.just(""), st.sampled_from([0o755, 0o700])),
    st.builds(Entry, st.just("link"), PATHS, PATHS, st.just(0o777)),
    st.builds(Entry, st.just("hard"), PATHS, PATHS),
    st.builds(Entry, st.just("fifo"), PATHS, st.just(""), st.just(0o644)),
    st.builds(Entry, st.just("whiteout"), PATHS),
    st.builds(Entry, st.just("opaque"), PATHS),
)
LAYERS = st.lists(
    st.lists(ENTRIES, min_size=1, max_size=6).map(lambda made: tars.layer(*map(packed, made))),
    min_size=3,
    max_size=3,
)
# few layers: images begin alike
IMAGES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=2, max_size=4)
HOW = st.sampled_from(
    [
        pull.FilesystemOptions(),
        pull.FilesystemOptions(label="other", free_bytes=1 << 20),
        pull.FilesystemOptions(block_size_bytes=1024),
        pull.FilesystemOptions(profile="compat"),
        pull.FilesystemOptions(profile="readonly"),
        pull.FilesystemOptions(features=("inline_data",)),
        pull.FilesystemOptions(size_bytes=64 << 20),
        pull.FilesystemOptions(size_bytes=5 << 20),
    ]
)
COURSE = st.lists(
    st.tuples(st.integers(0, 3), HOW, st.sampled_from(["auto", "always", "always", "never"])),
    min_size=2,
    max_size=5,
)


@settings(max_examples=COURSES, deadline=None)
@given(layers=LAYERS, images=IMAGES, course=COURSE)
def test_random_stacks_in_random_order(
    layers: list[MemoryLayer],
    images: list[list[int]],
    course: list[tuple[int, pull.FilesystemOptions, pull.ReuseMode]],
) -> None:
    place = Path(tempfile.mkdtemp(prefix="reuse-"))
    try:
        layout = layout_of(place / "layout", [[layers[n] for n in image] for image in images])
        for which, how, mode in course:
            number = which % len(images)
            results = [
                outcome(layout, number, place / "out", cache, mode_here, how=how)
                for cache, mode_here in ((place / "cache", mode), (place / "none", "never"))
            ]
            assert results[0] == results[1]
    finally:
        shutil.rmtree(place)


def outcome(
    layout: Path,
    number: int,
    out: Path,
    cache: Path,
    mode: pull.ReuseMode,
    *,
    how: pull.FilesystemOptions,
) -> str:
    """The image's digest, or the error."""
    out.unlink(missing_ok=True)
    try:
        converted(layout, number, out, cache, mode, filesystem=how)
    except (FlattenError, pull.PackageError) as error:
        return str(error)
    return digest_of(out)


@pytest.mark.parametrize("mode", ["auto", "always"])
def test_the_second_time_nothing_is_decoded(mode: pull.ReuseMode, tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "layout", [STACK])
    wanted = digest_of_fresh(layout, tmp_path)
    made = [converted(layout, 0, tmp_path / "out", tmp_path / "cache", mode) for _ in range(3)]
    assert digest_of(tmp_path / "out") == wanted
    assert made[0].reused == 0
    assert made[2].reused == len(STACK)
    assert made[1].reused == (0 if mode == "auto" and made[0].kept == 0 else len(STACK))


def test_a_rebuild_begins_below_what_changed(tmp_path: Path) -> None:
    other = tars.layer(tars.file(b"etc/other", b"x" * 5000))
    layout = layout_of(tmp_path / "layout", [STACK, (*STACK[:3], other)])
    first = converted(layout, 0, tmp_path / "out", tmp_path / "cache", "always")
    assert first.kept >= 2
    second = converted(layout, 1, tmp_path / "out", tmp_path / "cache", "always")
    assert 0 < second.reused < len(STACK)
    fresh = converted(layout, 1, tmp_path / "fresh", tmp_path / "none", "never")
    assert (fresh.reused, fresh.kept) == (0, 0)
    assert digest_of(tmp_path / "out") == digest_of(tmp_path / "fresh")


def test_layers_met_twice_are_kept(tmp_path: Path) -> None:
    """Of images with the same beginning the third begins with it."""
    tops = [tars.layer(tars.file(b"top", b"%d" % n * 200_000)) for n in range(3)]
    layout = layout_of(tmp_path / "layout", [(*STACK, top) for top in tops])
    made = [converted(layout, n, tmp_path / f"{n}", tmp_path / "cache", "auto") for n in range(3)]
    assert made[2].reused == len(STACK)


def digest_of_fresh(layout: Path, place: Path) -> str:
    converted(layout, 0, place / "fresh", place / "none", "never")
    return digest_of(place / "fresh")


def test_the_version_is_raised_with_the_bytes(tmp_path: Path) -> None:
    """States of an older program must not meet other rules or another placement.

    When this digest changes, raise VERSION in pull/command/reuse.py.
    """
    options = Options(uuid=UUID(int=1), hash_seed=UUID(int=2))
    with Ext4Writer(tmp_path / "out", options) as writer:
        writer.commit(flatten(STACK, into=writer.store))
    assert (VERSION, digest_of(tmp_path / "out")) == (
        2,
        "b24691b06cd5f29dbd06e2ec4976055eb8186422dadceb90997dc3a37b522b08",
    )
