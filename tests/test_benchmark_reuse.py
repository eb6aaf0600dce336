"""Test the measuring of kept states: does each run start from the same, and is the sum right?"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.app_images import app, app_layer, app_layout
from benchmarks.changed_blocks import changed_bytes
from benchmarks.contest import Contestant, Result, Run, Workload
from benchmarks.filesystems import file_bytes, xfs
from benchmarks.floor import layer_paths
from benchmarks.kept_states import KeptStates, cache_without_states
from benchmarks.measure import RunError, compete
from benchmarks.report import markdown
from benchmarks.targets import found
from tests.oracle_tools import need, need_root
from tests.pull.reuse.stacks import STACK, layout_of

BLOCK = 4096
XFS_BYTES = 400 << 20  # mkfs.xfs makes none below 300 MiB
MAKE = 'mke2fs -q -t ext4 "$STEP.ext4" 8M'


def silent(_: str) -> None:
    pass


def competed(contestant: Contestant, place: Path, rounds: int = 1) -> Result:
    workload = Workload(
        name="w", title="some work", contestants=(contestant,), rounds=rounds, warm_up=False
    )
    (result,) = compete(workload, place, silent)
    return result


def test_versions_are_the_same_whenever_they_are_made() -> None:
    assert app_layer(1, 3) == app_layer(1, 3)
    assert app_layer(1, 3) != app_layer(2, 3)


def test_versions_have_the_same_layers_below(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "layout", [STACK])
    apps = app_layout(layout, "0", tmp_path, versions=2, files=3)
    *below, _ = layer_paths(layout, "0")
    base = layer_paths(apps, "base")
    assert [path.name for path in base] == [path.name for path in below]
    assert [path.stat().st_ino for path in base] == [path.stat().st_ino for path in below]
    tops = []
    for number in (1, 2):
        *lower, top = layer_paths(apps, app(number))
        assert lower == base
        tops.append(top)
    assert tops[0] != tops[1]


def state(cache: Path, name: str) -> Path:
    path = cache / "checkpoints" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    return path


def test_what_a_run_keeps_goes_before_the_next(tmp_path: Path) -> None:
    data, facts = state(tmp_path, "a.data"), state(tmp_path, "a.state")
    before = data.stat()
    kept = KeptStates(tmp_path)
    state(tmp_path, "b.data")
    state(tmp_path, "b.met")
    os.utime(facts)  # as each use does
    kept.restore(tmp_path)
    assert sorted(data.parent.iterdir()) == [data, facts]
    assert data.stat().st_ino == before.st_ino
    assert data.stat().st_ctime_ns == before.st_ctime_ns


def test_a_cache_without_states_has_none_before_each_run(tmp_path: Path) -> None:
    kept = KeptStates(tmp_path)
    state(tmp_path, "b.data")
    kept.restore(tmp_path)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_state_that_a_run_removed_ends_the_measuring(tmp_path: Path) -> None:
    data = state(tmp_path, "a.data")
    kept = KeptStates(tmp_path)
    data.unlink()
    with pytest.raises(LookupError, match=r"removed.*a\.data"):
        kept.restore(tmp_path)


def test_a_state_that_a_run_replaced_ends_the_measuring(tmp_path: Path) -> None:
    data = state(tmp_path, "a.data")
    kept = KeptStates(tmp_path)
    state(tmp_path, "new").replace(data)
    with pytest.raises(LookupError, match=r"replaced.*a\.data"):
        kept.restore(tmp_path)


def test_another_cache_has_the_blobs_and_no_states(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    blob = cache / "blobs" / "sha256" / "ab"
    blob.parent.mkdir(parents=True)
    blob.write_text("blob")
    state(cache, "a.data")
    other = cache_without_states(cache, tmp_path / "other")
    assert (other / "blobs/sha256/ab").stat().st_ino == blob.stat().st_ino
    assert not (other / "checkpoints").exists()


@pytest.mark.parametrize(
    ("old", "new", "blocks"),
    [
        (b"", b"", 0),
        (b"a" * 5 * BLOCK, b"a" * 5 * BLOCK, 0),
        (b"a" * 3 * BLOCK, b"a" * BLOCK + b"b" + b"a" * (2 * BLOCK - 1), 1),
        (b"a" * 3 * BLOCK, b"a" * (BLOCK - 1) + b"bb" + b"a" * (2 * BLOCK - 1), 2),
        (b"a" * BLOCK, b"a" * BLOCK + bytes(BLOCK) + b"b" * BLOCK, 1),  # zeros are no change
        (b"a" * 3 * BLOCK, b"a" * BLOCK, 0),
        (b"a" * (2 << 20), b"b" * (2 << 20), 512),
    ],
)
def test_changed_bytes_are_whole_blocks(
    tmp_path: Path, old: bytes, new: bytes, blocks: int
) -> None:
    before, after = tmp_path / "old", tmp_path / "new"
    before.write_bytes(old)
    after.write_bytes(new)
    assert changed_bytes(before, after) == blocks * BLOCK


def test_steps_add_up(tmp_path: Path) -> None:
    steps = Contestant(
        name="c",
        script="""echo $STEP >>steps; test "$(wc -l <steps)" = $STEP; sleep 0.1
        echo '{"seconds": 0.25, "rss_before_bytes": '$STEP'}'""",
        self_timed=True,
        steps=3,
    )
    (run,) = competed(steps, tmp_path / "run").runs
    assert (run.seconds, run.rss_before_bytes) == (0.75, 3)


def test_each_run_is_prepared_in_its_directory(tmp_path: Path) -> None:
    prepared: list[Path] = []

    def prepare(place: Path) -> None:
        prepared.append(place)
        (place / "input").touch()

    place = tmp_path / "run"
    competed(Contestant(name="c", script="rm input", prepare=prepare), place, rounds=2)
    assert prepared == [place, place]


def test_the_very_slow_do_not_warm_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    quick = Contestant(name="quick", script=f'echo quick >>"{log}"')
    slow = Contestant(name="slow", script=f'echo slow >>"{log}"', rounds=1)
    workload = Workload(name="w", title="some work", contestants=(quick, slow), rounds=2)
    compete(workload, tmp_path / "run", silent)
    assert sorted(log.read_text().split()) == ["quick"] * 3 + ["slow"]


@pytest.mark.oracle
@pytest.mark.parametrize(("keeps", "there"), [(True, "1 2 3"), (False, "1 1 1")])
def test_images_stay_until_the_run_ends_or_are_judged(
    tmp_path: Path, *, keeps: bool, there: str
) -> None:
    need("e2fsck", "mke2fs")
    counts = tmp_path / "counts"
    script = f'{MAKE}; ls *.ext4 | wc -l >>"{counts}"'
    one = Contestant(name="c", script=script, image="*.ext4", keeps_images=keeps)
    size = competed(replace(one, steps=3), tmp_path / "run").image_bytes
    assert counts.read_text().split() == there.split()
    assert size == 3 * competed(one, tmp_path / "run").image_bytes


@pytest.mark.oracle
@pytest.mark.parametrize("damaged", [1, 2, 3])
def test_the_image_of_each_step_is_judged(tmp_path: Path, damaged: int) -> None:
    need("e2fsck", "mke2fs")
    spoil = 'dd if=/dev/urandom of="$STEP.ext4" bs=4k seek=1 count=1 conv=notrunc'
    script = f"{MAKE}; test $STEP != {damaged} || {spoil}"
    contestant = Contestant(name="c", script=script, image="*.ext4", steps=3)
    with pytest.raises(RunError, match="c made a damaged image"):
        competed(contestant, tmp_path / "run")


@pytest.mark.oracle
def test_e2fsck_judges_what_is_in_a_qcow2_image(tmp_path: Path) -> None:
    need("e2fsck", "mke2fs", "qemu-img")
    make = "mke2fs -q -t ext4 raw 8M; {spoil}; qemu-img convert -O qcow2 raw out.qcow2; rm raw"
    good = Contestant(name="good", script=make.format(spoil="true"), image="*.qcow2")
    assert competed(good, tmp_path / "run").image_bytes > 0
    spoil = "dd if=/dev/urandom of=raw bs=4k seek=1 count=1 conv=notrunc"
    bad = Contestant(name="bad", script=make.format(spoil=spoil), image="*.qcow2")
    with pytest.raises(RunError, match="bad made a damaged image"):
        competed(bad, tmp_path / "run")


@pytest.mark.oracle
def test_disk_use_counts_shared_blocks_once(tmp_path: Path) -> None:
    need("mkfs.xfs", "losetup", "mount", "umount", "cp")
    need_root()
    with xfs(tmp_path, XFS_BYTES) as place:
        script = "dd if=/dev/urandom of=a bs=1M count=16; cp --reflink=always a b; {more}"
        shared = Contestant(name="c", script=script.format(more="true"), measures_disk=True)
        (first, second) = competed(shared, place / "run", rounds=2).runs
        assert 16 << 20 <= first.disk_bytes < 17 << 20
        assert 16 << 20 <= second.disk_bytes < 17 << 20
        copied = Contestant(
            name="c", script=script.format(more="cp --reflink=never a c"), measures_disk=True
        )
        assert competed(copied, place / "run").disk_bytes >= 32 << 20


@pytest.mark.oracle
def test_xfs_goes_after_errors_and_after_one_who_was_killed(tmp_path: Path) -> None:
    need("mkfs.xfs", "losetup", "mount", "umount")
    need_root()
    interrupted = xfs(tmp_path, XFS_BYTES)
    (interrupted.__enter__() / "file").touch()  # and no more

    def fail() -> None:
        with xfs(tmp_path, XFS_BYTES) as place:
            assert place.is_mount()
            assert list(place.iterdir()) == []
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert list(tmp_path.iterdir()) == []
    devices = subprocess.run(["losetup", "--list"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in devices.stdout


@pytest.mark.oracle
def test_file_bytes_are_those_of_files_with_many_names_once(tmp_path: Path) -> None:
    need("mke2fs", "mount", "umount")
    need_root()
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "one").write_bytes(b"x" * 5000)
    (tree / "two").hardlink_to(tree / "one")
    (tree / "folder" / "large").write_bytes(b"x" * 100_000)
    (tree / "link").symlink_to("x" * 100)
    image = tmp_path / "image"
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", tree, image, "8M"], check=True
    )
    assert file_bytes(image) == (2 + 25) * BLOCK


def result_of(workload: str, contestant: str, seconds: float, **sizes: int) -> Result:
    disk_bytes = sizes.pop("disk_bytes", 0)
    run = Run(seconds=seconds, memory_bytes=1 << 20, written_bytes=1000, disk_bytes=disk_bytes)
    return Result(
        workload=workload,
        title=workload,
        contestant=contestant,
        runs=(run,),
        **{"image_bytes": 1000, **sizes},
    )


def test_figures_of_reuse() -> None:
    results = [
        result_of("rebuild", "ours", 3),
        result_of("rebuild", "floor", 4),
        result_of("rebuild", "ours, onto the old image", 1, image_bytes=1100, least_bytes=1000),
        result_of("again-xfs", "ours, in full", 5),
        result_of("again-xfs", "ours, the first time", 6),
        result_of("twenty-xfs", "ours", 10, disk_bytes=2_100_000, least_bytes=2_000_000),
        result_of("twenty-xfs", "ours, each in full", 100),
    ]
    values = [round(value, 3) for _, value in found(results)]
    assert values == [0.75, 1.1, 1.2, 0.1, 1.05]
    text = markdown(results, {})
    assert "| ours | 10.00 | 1.00 | 1 | 0 | 2 | 1 |" in text
    assert "| ours, each in full | 100.00 | 10.00 | 1 | 0 | | 1 |" in text
