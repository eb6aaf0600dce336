"""Test the measuring: does a figure mean what its name says?"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from benchmarks.contest import Contestant, Result, Run, Workload
from benchmarks.measure import RunError, compete
from benchmarks.report import from_json, markdown, to_json
from benchmarks.targets import TARGETS, found
from tests.oracle_tools import need, refuse


def workload(*contestants: Contestant, rounds: int = 1, warm_up: bool = False) -> Workload:
    return Workload(
        name="w", title="some work", contestants=contestants, rounds=rounds, warm_up=warm_up
    )


def silent(_: str) -> None:
    pass


def measured(script: str, place: Path) -> Run:
    (result,) = compete(workload(Contestant(name="c", script=script)), place, silent)
    (run,) = result.runs
    return run


def result_of(name: str, contestant: str, *seconds: float) -> Result:
    runs = tuple(Run(seconds=value, memory_bytes=1 << 20, written_bytes=1000) for value in seconds)
    return Result(workload=name, title=name, contestant=contestant, runs=runs, image_bytes=1000)


def turns(place: Path, names: str, rounds: int) -> list[list[str]]:
    """Let contestants of these names compete; return the order of each round."""
    order = place / "order"
    all_of_them = [Contestant(name=name, script=f'echo {name} >>"{order}"') for name in names]
    results = compete(workload(*all_of_them, rounds=rounds, warm_up=True), place / "run", silent)
    assert [result.contestant for result in results] == list(names)
    assert [len(result.runs) for result in results] == [rounds] * len(names)
    ran = order.read_text().split()
    return [ran[first : first + len(names)] for first in range(0, len(ran), len(names))]


def test_contestants_take_turns_after_a_warm_up(tmp_path: Path) -> None:
    assert turns(tmp_path, "ab", 2) == [["a", "b"], ["b", "a"], ["a", "b"]]


def test_each_contestant_follows_each_other_one_once_in_as_many_rounds(tmp_path: Path) -> None:
    _, *rounds = turns(tmp_path, "abcd", 4)
    assert all(sorted(order) == list("abcd") for order in rounds)
    pairs = [pair for order in rounds for pair in itertools.pairwise(order)]
    assert sorted(pairs) == sorted(itertools.permutations("abcd", 2))


def bytes_from_disk(path: Path) -> int:
    """Read a file; return how much of it had to come from the disk."""
    counter = Path("/proc/self/io")

    def so_far() -> int:
        return int(counter.read_text().split("\nread_bytes: ")[1].split()[0])

    before = so_far()
    path.read_bytes()
    return so_far() - before


def test_inputs_are_read_before_a_run(tmp_path: Path) -> None:
    path = tmp_path / "inputs" / "below" / "file"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(8 << 20))
    path.with_name("link").symlink_to("nowhere")

    def forget() -> None:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    forget()
    if bytes_from_disk(path) == 0:
        refuse("this filesystem is a memory, or does not count reads")
    forget()
    contestant = Contestant(
        name="c", script="true", inputs=("FILES",), environ={"FILES": str(tmp_path / "inputs")}
    )
    compete(workload(contestant), tmp_path / "run", silent)
    assert bytes_from_disk(path) == 0


def test_each_run_has_an_empty_directory(tmp_path: Path) -> None:
    script = "test ! -e mark; touch mark"
    (result,) = compete(
        workload(Contestant(name="c", script=script), rounds=3), tmp_path / "run", silent
    )
    assert len(result.runs) == 3


def test_written_bytes_count_what_children_write(tmp_path: Path) -> None:
    script = "(dd if=/dev/zero of=out bs=1M count=8 conv=fsync)"
    written = measured(script, tmp_path / "run").written_bytes
    if written == 0:
        refuse("this filesystem does not count writes")
    assert 8 << 20 <= written < 9 << 20


def test_memory_is_the_largest_process(tmp_path: Path) -> None:
    script = """"$PYTHON" -c 'b"x" * (100 << 20)'; true"""
    assert 100 << 20 < measured(script, tmp_path / "run").memory_bytes < 200 << 20


def test_seconds_are_the_clock_on_the_wall(tmp_path: Path) -> None:
    assert 0.3 <= measured("sleep 0.3", tmp_path / "run").seconds < 3


def test_a_failing_run_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"c failed with 3: gone wrong"):
        measured("echo gone wrong; exit 3", tmp_path / "run")


def test_a_peer_that_fails_is_said_and_left_out(tmp_path: Path) -> None:
    said: list[str] = []
    ours = Contestant(name="ours", script="true")
    peer = Contestant(name="peer", script="echo no; exit 1")
    results = compete(workload(ours, peer, rounds=2), tmp_path / "run", said.append)
    assert [result.contestant for result in results] == ["ours"]
    assert len(results[0].runs) == 2
    assert [line for line in said if line.startswith("w: peer failed with 1: no")] != []


@pytest.mark.oracle
def test_a_damaged_image_is_no_figure(tmp_path: Path) -> None:
    need("e2fsck", "mke2fs")
    make = "mke2fs -q -t ext4 out.ext4 8M; "
    spoil = "dd if=/dev/urandom of=out.ext4 bs=4k seek=1 count=1 conv=notrunc"
    good = Contestant(name="good", script=make, image="*.ext4")
    (result,) = compete(workload(good), tmp_path / "run", silent)
    assert result.image_bytes > 0
    bad = Contestant(name="bad", script=make + spoil, image="*.ext4")
    with pytest.raises(RunError, match="bad made a damaged image"):
        compete(workload(bad), tmp_path / "run", silent)


def test_programs_that_are_missing_are_said(tmp_path: Path) -> None:
    said: list[str] = []
    absent = Contestant(name="absent", script="true", programs=("no-such-program",))
    assert compete(workload(absent), tmp_path / "run", said.append) == []
    assert said == ["w: absent left out, not installed: no-such-program"]


def test_library_calls_bring_their_own_clock(tmp_path: Path) -> None:
    script = """sleep 0.2; echo '{"seconds": 0.125, "rss_before_bytes": 7}'"""
    contestant = Contestant(name="c", script=script, self_timed=True)
    (result,) = compete(workload(contestant), tmp_path / "run", silent)
    assert (result.runs[0].seconds, result.runs[0].rss_before_bytes) == (0.125, 7)


def test_times_pairs_the_rounds() -> None:
    ours, theirs = result_of("w", "ours", 1, 2, 4), result_of("w", "theirs", 3, 4, 40)
    assert theirs.times(ours) == 3


def test_json_brings_everything_back() -> None:
    results = [result_of("w", "ours", 1, 2), result_of("w", "theirs", 3)]
    machine = {"processor": "some"}
    text = json.dumps(to_json(results, machine))
    assert from_json(json.loads(text)) == (results, machine)


def test_targets_are_found_where_measured() -> None:
    results = [result_of("cached", "ours", 2), result_of("cached", "floor", 1)]
    values = {target.what: value for target, value in found(results)}
    assert values["image, cached: ours / floor"] == 2
    assert values["image, cached: peak memory, MiB"] == 1
    assert "image, cold: microsandbox / ours" not in values
    text = markdown(results, {"processor": "some"})
    assert "| image, cached: ours / floor | <= 1.15 | 2.00 | **missed** |" in text
    assert "| image, cached: peak memory, MiB | <= 200 | 1.00 | reached |" in text


def test_targets_have_one_bound_each() -> None:
    assert [t for t in TARGETS if (t.at_most is None) == (t.at_least is None)] == []


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_picture_shows_bars_and_entries(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.picture import draw  # noqa: PLC0415 - not installed everywhere

    results = [
        result_of("cached", "ours", 2),
        result_of("cached", "floor", 1),
        result_of("entries", "1000 entries", 1),
        result_of("entries", "10000 entries", 9),
    ]
    out, again = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    draw(results, out)
    draw(results, again)
    assert out.stat().st_size > 5000
    assert out.read_bytes() == again.read_bytes()
