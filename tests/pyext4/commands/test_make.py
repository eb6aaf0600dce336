"""`python -m pyext4 make`: an empty filesystem, the same every time, and nothing overwritten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyext4 import open_ext4
from tests.oracle.judges import complaints, features
from tests.oracle_tools import need, need_root
from tests.pyext4.reader.ext4_images import mounted

ROOT = Path(__file__).parents[3]
USAGE = 2


def make(*arguments: str | Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "pyext4", "make", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_size_label_and_uuid(tmp_path: Path) -> None:
    image = tmp_path / "data.ext4"
    uuid = "00112233-4455-6677-8899-aabbccddeeff"
    status, out, err = make("--size", "24M", "--label", "data", "--uuid", uuid, image)
    assert (status, err) == (0, "")
    assert out == f"{image}: {24 << 20} bytes, 6144 blocks, uuid {uuid}\n"
    assert image.stat().st_size == 24 << 20
    with open_ext4(image) as reader:
        assert reader.layout.label == b"data"
        assert str(reader.layout.uuid) == uuid
        assert [entry.name for entry in reader.listdir(b"/")] == [b"lost+found"]
        assert reader.verify() == []


def test_equal_commands_give_equal_bytes(tmp_path: Path) -> None:
    names = [tmp_path / "one", tmp_path / "two"]
    for name in names:
        assert make("--size", "16M", name)[0] == 0
    assert names[0].read_bytes() == names[1].read_bytes()


def test_label_and_size_tell_filesystems_apart(tmp_path: Path) -> None:
    said = set()
    for number, options in enumerate((["--label=a"], ["--label=b"], ["--size=16M"], [])):
        _, out, _ = make(*options, tmp_path / str(number))
        said |= set(re.findall(r"uuid (\S+)$", out))
    assert len(said) == 4


def test_a_large_one_takes_little_room(tmp_path: Path) -> None:
    assert make("--size", "20G", tmp_path / "data")[0] == 0
    found = (tmp_path / "data").stat()
    assert found.st_size == 20 << 30
    assert found.st_blocks * 512 < 8 << 20


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link", "fifo"])
def test_what_is_there_stays(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "data"
    if kind == "file":
        place.write_bytes(b"precious")
    elif kind == "directory":
        place.mkdir()
    elif kind == "dangling link":
        place.symlink_to("nowhere")
    else:
        os.mkfifo(place)
    before = place.lstat()
    status, out, err = make("--size=16M", place)
    assert (status, out) == (1, "")
    assert err == f"error: {place}: already exists, use --force to replace it\n"
    assert place.lstat() == before
    assert list(tmp_path.iterdir()) == [place]


def test_force_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"old")
    assert make("--size=16M", "--force", tmp_path / "data")[0] == 0
    assert (tmp_path / "data").stat().st_size == 16 << 20


def test_force_replaces_nothing_but_files(tmp_path: Path) -> None:
    status, _, err = make("--force", tmp_path)
    assert (status, err) == (1, f"error: {tmp_path}: exists and is not a regular file\n")


def test_missing_directory_is_named(tmp_path: Path) -> None:
    place = tmp_path / "missing/data"
    status, _, err = make(place)
    assert (status, err) == (1, f"error: {place}: no such file or directory\n")


REFUSED: dict[str, tuple[list[str], str]] = {
    "too_small": (["--size=10K"], "does not fit into 10 KiB, use at least: 5 MiB"),
    "size_0": (["--size=0"], "size: must be 1 or more, not: 0"),
    "label_17": (["--label=" + "x" * 17], "label: must be up to 16 bytes without NUL"),
    "block_size": (["--block-size=8K"], "block size: must be 1024, 2048 or 4096, not: 8192"),
    "feature": (["--features=bogus"], "features: unknown feature: bogus"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line_and_nothing_made(case: str, tmp_path: Path) -> None:
    options, reason = REFUSED[case]
    status, out, err = make(*options, tmp_path / "data")
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {tmp_path / 'data'}: ")
    assert reason in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


WRONG = (
    "--size=2X",
    "--size=1.3",
    "--size=",
    "--uuid=1-2",
    "--inodes=0",
    "--inodes=x",
    "--sise=2G",
)


@pytest.mark.parametrize("option", WRONG)
def test_wrong_usage(option: str, tmp_path: Path) -> None:
    status, _, err = make(option, tmp_path / "data")
    assert status == USAGE
    assert err.startswith("error: ")
    assert "\ntry: python -m pyext4 " in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.oracle
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--size=8M", "--block-size=1K", "--inodes=100", "--features=^has_journal"],
        ["--size=300M", "--bytes-per-inode=64K", "--journal-size=8M"],
        ["--size=16M", "--profile=compat"],
        ["--profile=readonly"],
        ["--size=5G"],
    ],
)
def test_clean(options: list[str], tmp_path: Path) -> None:
    assert make(*options, tmp_path / "data")[0] == 0
    assert complaints(tmp_path / "data") == []


@pytest.mark.oracle
def test_features_are_those_asked_for(tmp_path: Path) -> None:
    make("--size=16M", "--features=^has_journal,^64bit", tmp_path / "data")
    assert not features(tmp_path / "data") & {"has_journal", "64bit"}


@pytest.mark.oracle
def test_kernel_writes_to_it(tmp_path: Path) -> None:
    need("mount")
    need_root()
    image = tmp_path / "data"
    make("--size=64M", image)
    with mounted(image, write=True) as root:
        (root / "upper").mkdir()
        (root / "upper/file").write_bytes(b"x" * (32 << 20))
    assert complaints(image) == []
