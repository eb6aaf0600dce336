"""Standard streams that are closed, full or without a reader: one line and a status."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LAYOUT = f"oci:{ROOT}/examples/layout:demo"
FULL = "error: standard output: no space left on device\n"
CLOSED = "error: standard output: is closed\n"
PULL = f"-m pull -q --platform linux/amd64 --cache-dir cache --free 1M {LAYOUT}"
CACHE = "-m pull.cache --cache-dir cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is run by the shell, its status, and what is said where somebody hears it."""

    run: str
    status: int = 0
    says: str = ""
    makes: bool = True  # out.ext4


ROWS = (
    Row(run=f"{PULL} out.ext4 <&- >&- 2>&-"),
    Row(run=f"{PULL} out.ext4 2>&-"),
    Row(run=f"{PULL.replace(' -q', '')} out.ext4 2>/dev/full"),
    Row(run=f"{PULL.replace(' -q', '')} out.ext4 <&- >&- 2>&-"),
    Row(run=f"{PULL} out.ext4 --json >/dev/full", status=1, says=FULL),
    Row(run=f"{PULL} out.ext4 --json >&-", status=1, says=CLOSED),
    Row(run=f"{PULL} out.ext4 --list >/dev/full", status=1, says=FULL, makes=False),
    Row(run=f"{PULL} --list >&-", status=1, says=CLOSED, makes=False),
    Row(run=f"{PULL} out.ext4 --tar - >/dev/full", status=1, says=FULL, makes=False),
    Row(run=f"{PULL} out.ext4 --mtree - >&-", status=1, says=CLOSED, makes=False),
    Row(run=f"{PULL} --tar - 2>&- >/dev/null", makes=False),
    Row(
        run=f"{PULL.replace(LAYOUT, '-')} out.ext4 <&-",
        status=1,
        says="error: -: standard input: is closed\n",
        makes=False,
    ),
    Row(
        run=f"{PULL.replace(LAYOUT, 'localhost:1/a')} out.ext4 --username a --password-stdin <&-",
        status=1,
        says="error: localhost:1/a: standard input: is closed\n",
        makes=False,
    ),
    Row(
        run=f"{PULL.replace(LAYOUT, 'localhost:1/a')} o --username a --password-stdin </dev/null",
        status=1,
        says="error: localhost:1/a: standard input: has no password in it\n",
        makes=False,
    ),
    Row(run="-m pull --help >/dev/full", status=1, says=FULL, makes=False),
    Row(run="-m pull --help >&-", status=1, says=CLOSED, makes=False),
    Row(run="-m pull --version >&-", status=1, says=CLOSED, makes=False),
    Row(run=f"{CACHE} list >/dev/full", status=1, says=FULL, makes=False),
    Row(run=f"{CACHE} list >&-", status=1, says=CLOSED, makes=False),
    Row(run=f"{CACHE} list 2>&- <&- >/dev/null", makes=False),
    Row(run="-m pyext4 ls -lR made.ext4 >/dev/full", status=1, says=FULL, makes=False),
    Row(run="-m pyext4 ls -lR made.ext4 >&-", status=1, says=CLOSED, makes=False),
    Row(run="-m pyext4 info made.ext4 2>&- <&- >/dev/null", makes=False),
    Row(run="-m pyext4 cat made.ext4 /etc/hostname >/dev/full", status=1, makes=False),
    Row(run="-m pyext4 verify none 2>&- >&-", status=1, makes=False),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "made.ext4"
    subprocess.run([sys.executable, *PULL.split(), str(path)], cwd=path.parent, check=True)
    return path


def shell(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(directory)},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.run.replace(str(ROOT), ""))
def test_stream(row: Row, tmp_path: Path, made: Path) -> None:
    (tmp_path / "made.ext4").symlink_to(made)
    ran = shell(f"{sys.executable} {row.run}", tmp_path)
    assert ran.returncode == row.status
    if row.says:
        assert ran.stderr == row.says
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr
    left = {path.name for path in tmp_path.iterdir()} - {"made.ext4", "cache"}
    assert left == ({"out.ext4"} if row.makes else set())


@pytest.mark.parametrize(
    "run", [f"{CACHE} list", "-m pyext4 ls -lR made.ext4", "-m pyext4 info made.ext4"]
)
def test_reader_that_leaves(run: str, tmp_path: Path, made: Path) -> None:
    (tmp_path / "made.ext4").symlink_to(made)
    # the reader is gone before the first byte
    ran = shell(f"(sleep 2; {sys.executable} {run}) | true; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_nothing_is_written_into_what_takes_the_place_of_standard_error(tmp_path: Path) -> None:
    """The next file that is opened would be number 2, and would get what is said."""
    run = PULL.replace(" -q", "")
    assert shell(f"{sys.executable} {run} said.ext4 2>&- <&-", tmp_path).returncode == 0
    assert shell(f"{sys.executable} {run} heard.ext4", tmp_path).returncode == 0
    assert (tmp_path / "said.ext4").read_bytes() == (tmp_path / "heard.ext4").read_bytes()
