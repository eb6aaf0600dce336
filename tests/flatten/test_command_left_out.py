"""What the command says about things left out, and --strict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyext4 import open_ext4
from tests.flatten.oci_layouts import write_layout
from tests.flatten.outputs.test_command_outputs import left, pull
from tests.flatten.tars import directory, file, layer, pax, symlink

APPLE = [(b"SCHILY.xattr.com.apple.n%d" % number, b"1") for number in range(12)]
LAYER = layer(
    pax(*APPLE, (b"SCHILY.xattr.user.kept", b"1")),
    file(b"app", b"x"),
    pax((b"mtime", b"-62135596800")),
    directory(b"d"),
    pax((b"SCHILY.xattr.user.a", b"1")),
    symlink(b"l", b"app"),
)
NAMED = pax((b"SCHILY.acl.access", b"user::rw-,user:joe:r--,group::r--,mask::r--,other::---"))
ACCOUNTS = layer(file(b"etc/passwd", b"joe:x:1000:1000::/:/bin/sh\n"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_layout(tmp_path / "layout", {"made": (LAYER,)})
    return tmp_path


def test_summary(work: Path) -> None:
    said = pull(work, "out.ext4").stderr.decode().splitlines()
    assert [line for line in said if line.startswith("left out")] == [
        "left out: 12 attributes com.apple.*, 1 attribute user.*, 1 time outside 1901..2446"
    ]
    with open_ext4(work / "out.ext4") as image:
        assert image.xattrs("/app") == ((b"user.kept", b"1"),)
        assert image.xattrs("/l") == ()


@pytest.mark.parametrize("output", [("out.ext4",), ("out.ext4", "--canonical"), ("--tar", "t")])
def test_json(work: Path, output: tuple[str, ...]) -> None:
    facts = json.loads(pull(work, *output, "--json", "-q").stdout)
    assert facts["left_out"] == {
        "attributes com.apple.*": 12,
        "attributes user.*": 1,
        "times outside 1901..2446": 1,
    }


def test_nothing_to_say(work: Path) -> None:
    write_layout(work / "plain", {"made": (layer(file(b"a")),)})
    (work / "layout").rename(work / "other")
    (work / "plain").rename(work / "layout")
    ran = pull(work, "out.ext4", "--json")
    assert json.loads(ran.stdout)["left_out"] == {}
    assert b"left out" not in ran.stderr


@pytest.mark.parametrize("output", [("out.ext4",), ("--list",), ("--tar", "t"), ("--mtree", "m")])
def test_strict(work: Path, output: tuple[str, ...]) -> None:
    ran = pull(work, *output, "--strict", status=1)
    assert ran.stderr.decode().splitlines()[-1] == (
        "error: oci:layout:made: /app: Linux can't hold its attribute com.apple.*"
    )
    assert ran.stdout == b""
    assert left(work) == set()


@pytest.mark.parametrize("output", [("--list",), ("--list", "out.ext4"), ("--list", "--tar", "t")])
def test_names_in_acls(tmp_path: Path, output: tuple[str, ...]) -> None:
    """--list alone keeps no contents, and reads the layers again for the sake of etc/passwd."""
    write_layout(tmp_path / "layout", {"made": (layer(NAMED, file(b"f")), ACCOUNTS)})
    lines = pull(tmp_path, *output, "-q", "--strict").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines if line.endswith(" /f")] == ["-rw-r-----"]
