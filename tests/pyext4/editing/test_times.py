"""`clamp_times`: no time later than one, as GNU tar's --clamp-mtime."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from flatten.outputs import write_tar
from pyext4 import Metadata, Tree, clamp_times, tree_from_directory
from tests.oracle_tools import need
from tests.pyext4.small_trees import file_of, tree_of

SECOND = 1_000_000_000


def meta(
    mtime_ns: int,
    atime_ns: int | None = None,
    ctime_ns: int | None = None,
    crtime_ns: int | None = None,
) -> Metadata:
    return Metadata(
        mode=0o600, mtime_ns=mtime_ns, atime_ns=atime_ns, ctime_ns=ctime_ns, crtime_ns=crtime_ns
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"mtime_ns": 5 * SECOND}, {"mtime_ns": 5 * SECOND}),
        ({"mtime_ns": 5 * SECOND + 1}, {"mtime_ns": 5 * SECOND}),
        ({"mtime_ns": -7}, {"mtime_ns": -7}),
        (
            {"mtime_ns": 1, "atime_ns": 9 * SECOND, "ctime_ns": 2, "crtime_ns": 5 * SECOND + 1},
            {"mtime_ns": 1, "atime_ns": 5 * SECOND, "ctime_ns": 2, "crtime_ns": 5 * SECOND},
        ),
        (
            {"mtime_ns": 8 * SECOND, "ctime_ns": 1 << 62},
            {"mtime_ns": 5 * SECOND, "ctime_ns": 5 * SECOND},
        ),
    ],
)
def test_later_times_only(before: dict[str, int], after: dict[str, int]) -> None:
    tree = tree_of(a=file_of(b"", meta(**before)))
    assert clamp_times(tree, 5 * SECOND) == (before != after)
    assert tree.root.children[b"a"].meta == meta(**after)


def test_a_hard_link_counts_once_and_metadata_stays_shared() -> None:
    late = Metadata(mode=0o600, mtime_ns=9 * SECOND)
    linked, other = file_of(b"x", late), file_of(b"y", late)
    tree = tree_of(a=linked, b=linked, c=other)
    assert clamp_times(tree, SECOND) == 2
    assert linked.meta is other.meta
    assert clamp_times(tree, SECOND) == 0


@pytest.mark.oracle
def test_gnu_tar_says_the_same(tmp_path: Path) -> None:
    need("tar")
    times = {"early": 100 * SECOND, "late": 1000 * SECOND, "fraction": 500 * SECOND + 7, "at": 0}
    work = tmp_path / "work"
    (work / "directory").mkdir(parents=True)
    for name, time_ns in times.items():
        (work / name).write_text(name)
        os.utime(work / name, ns=(time_ns, time_ns))
    (work / "link").symlink_to("late")
    os.utime(work / "directory", ns=(0, 900 * SECOND))
    os.utime(work, ns=(0, 2000 * SECOND))
    tree = tree_from_directory(work)
    assert clamp_times(tree, 500 * SECOND) == 5  # the root and the link too
    packed = subprocess.run(
        ["tar", "-C", str(work), "--format=posix", "--mtime=@500", "--clamp-mtime", "-cf-", "."],
        check=True,
        capture_output=True,
    ).stdout
    assert mtimes(written(tree)) == mtimes(packed)


def written(tree: Tree) -> bytes:
    stream = io.BytesIO()
    write_tar(tree, stream)
    return stream.getvalue()


def mtimes(packed: bytes) -> dict[str, float]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {member.name: member.mtime for member in archive}
