"""`python -m pull REF --diff IMAGE`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flatten.oci_layouts import write_layout
from tests.flatten.tars import directory, file, hardlink, layer, pax, symlink, whiteout

OLD = (
    layer(directory(b"d", 0o1777, uid=70000), file(b"d/a", b"hello" * 9000), file(b"gone", b"x")),
    layer(
        hardlink(b"b", b"d/a"),
        symlink(b"l", b"d/a"),
        pax((b"mtime", b"1234567890.123456789"), (b"SCHILY.xattr.user.a", b"1")),
        file(b"c", b"x", mode=0o4755),
    ),
)
NEW = (
    *OLD,
    layer(
        whiteout(b"gone"),
        file(b"d/new", b""),
        pax((b"mtime", b"1234567890.123456789"), (b"SCHILY.xattr.user.a", b"2")),
        file(b"c", b"y", mode=0o755),
    ),
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_layout(tmp_path / "layout", {"old": OLD, "new": NEW})
    return tmp_path


def pull(work: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "pull", "--cache-dir", str(work / "cache"), "-q", *arguments]
    ran = subprocess.run(
        command,
        cwd=work,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def test_an_image_and_its_reference_are_the_same(work: Path) -> None:
    assert pull(work, "oci:layout:new", "new.ext4") == (0, "", "")
    assert pull(work, "oci:layout:new", "--diff", "new.ext4") == (0, "", "")


def test_what_a_newer_reference_has(work: Path) -> None:
    assert pull(work, "oci:layout:old", "old.ext4")[0] == 0
    expected = (
        "M /c  mode 4755 -> 0755, content, xattr user.a\n"
        "A /d/new\n"
        "D /gone\n"
    )  # fmt: skip
    assert pull(work, "oci:layout:new", "--diff", "old.ext4") == (1, expected, "")
    # the output may be that image itself: it is compared before it is replaced
    assert pull(work, "oci:layout:new", "old.ext4", "--diff", "old.ext4") == (1, expected, "")
    assert pull(work, "oci:layout:new", "--diff", "old.ext4") == (0, "", "")


def test_trouble_is_told_before_anything_is_pulled(work: Path) -> None:
    status, out, err = pull(work, "oci:layout:none", "--diff", "none.ext4")
    assert (status, out, err) == (2, "", "error: none.ext4: no such file or directory\n")
    (work / "other").write_bytes(bytes(5000))
    status, out, err = pull(work, "oci:layout:new", "out.ext4", "--diff", "other")
    assert (status, out) == (2, "")
    assert err == "error: other: superblock 0: not an ext4 filesystem, magic is 0x0000\n"
    assert not (work / "out.ext4").exists()


def test_standard_output_has_one_thing(work: Path) -> None:
    status, out, err = pull(work, "oci:layout:new", "--diff", "x", "--list")
    assert (status, out) == (2, "")
    assert err.startswith("error: only one of --list, --tar -, --mtree -, --diff, --size-report ")
