"""The main job's images, judged by e2fsck and the kernel, against `umoci unpack` as root."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.oracle.jobs import Job
from tests.oracle.judges import complaints, features
from tests.oracle.mounted import mounted
from tests.oracle.snapshot import Facts, differences, snapshot
from tests.oracle_tools import need
from tests.ordinary_user import OrdinaryUser

pytestmark = pytest.mark.oracle


def copy_of(job: Job, place: Path) -> Path:
    target = place / "copy.ext4"
    subprocess.run(["cp", "--sparse=always", str(job.image), str(target)], check=True)
    return target


def test_e2fsck_is_silent(job: Job) -> None:
    assert complaints(job.image) == []


def test_every_path_is_as_umoci_unpacks_it(
    job: Job, unpacked: dict[str, Facts], tmp_path: Path
) -> None:
    with mounted(job.image, tmp_path / "mnt") as root:
        found = snapshot(root)
    assert differences(unpacked, found) == []


@pytest.mark.parametrize("job", ["example"], indirect=True)
def test_the_example_has_what_gets_lost(unpacked: dict[str, Facts]) -> None:
    assert "etc/old.conf" not in unpacked
    assert "var/cache/stale" not in unpacked
    assert unpacked["usr/bin/su"].mode == 0o4755
    assert unpacked["usr/bin/hi"].links == 2
    assert unpacked["srv/stranger"].gid == 3_000_000_000
    assert unpacked["usr/bin/hello"].mtime_ns % 1_000_000_000 == 123_456_789
    assert dict(unpacked["usr/bin/ping"].xattrs).keys() == {"security.capability"}


def test_same_bytes_again(job: Job, user: OrdinaryUser) -> None:
    again = user.home / "again.ext4"
    time.sleep(1.1)  # whatever tells the time in seconds, tells another one
    elsewhere = {"TZ": "Pacific/Chatham", "LANG": "C", "PYTHONHASHSEED": "7"}
    options = ["--platform", "linux/amd64", "--cache-dir", str(user.home / "other-cache")]
    done = user.pull(job.reference, again, *options, environ=elsewhere)
    assert done.returncode == 0, done.stderr
    assert filecmp.cmp(job.image, again, shallow=False)
    again.unlink()


def test_same_bytes_from_the_pure_backend(job: Job, user: OrdinaryUser) -> None:
    pure = user.home / "pure.ext4"
    options = ["--platform", "linux/amd64"]
    done = user.pull(job.reference, pure, *options, environ={"PYEXT4_BACKEND": "pure"})
    assert done.returncode == 0, done.stderr
    assert filecmp.cmp(job.image, pure, shallow=False)
    pure.unlink()


def test_features_are_those_of_mke2fs(job: Job, tmp_path: Path) -> None:
    need("mke2fs")
    peer = tmp_path / "peer.ext4"
    with peer.open("wb") as file:
        file.truncate(job.image.stat().st_size)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", str(peer)], check=True)
    assert features(job.image) == features(peer)


def test_grows_to_twice_its_size(job: Job, tmp_path: Path) -> None:
    need("resize2fs")
    image = copy_of(job, tmp_path)
    size = image.stat().st_size
    with image.open("r+b") as file:
        file.truncate(2 * size)
    subprocess.run(["resize2fs", str(image)], check=True, capture_output=True)
    assert complaints(image) == []
    with mounted(image, tmp_path / "mnt") as root:
        assert shutil.disk_usage(root).total > 1.8 * (size - 64 * 2**20)


# the example's image has fewer free inodes than that, by mke2fs's ratio
@pytest.mark.parametrize("job", ["debian"], indirect=True)
def test_takes_ten_thousand_new_files(job: Job, tmp_path: Path) -> None:
    image = copy_of(job, tmp_path)
    with mounted(image, tmp_path / "mnt", "rw") as root:
        for number in range(10_000):
            if number % 500 == 0:
                folder = root / f"srv/new-{number}"
                folder.mkdir()
            (folder / f"{number}").write_text(f"{number}\n")
    with mounted(image, tmp_path / "mnt") as root:
        for number in range(10_000):
            name = f"srv/new-{number - number % 500}/{number}"
            assert (root / name).read_text() == f"{number}\n"
    assert complaints(image) == []


def test_summary_counts_what_is_there(job: Job, user: OrdinaryUser) -> None:
    counted = user.home / "counted.ext4"
    done = user.pull(job.reference, counted, "--platform", "linux/amd64", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["reference"].endswith(f"/{job.name}:full")
    assert facts["size_bytes"] == counted.stat().st_size
    counted.unlink()
