"""--list, --tar, --mtree, --add and --add-tar of the command, with and without OUT.ext4."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flatten import flatten
from flatten.host_layers import tar_layer
from pyext4 import open_ext4
from tests.flatten.oci_layouts import write_layout
from tests.flatten.outputs.listings import listing, listing_of_directory
from tests.flatten.tars import directory, file, hardlink, layer, pax, symlink, tar, whiteout
from tests.oracle_tools import need, need_root

LAYERS = (
    layer(directory(b"d", 0o1777, uid=70000), file(b"d/a", b"hello" * 9000), file(b"gone", b"x")),
    layer(
        hardlink(b"b", b"d/a"),
        symlink(b"l", b"d/a"),
        whiteout(b"gone"),
        pax((b"mtime", b"1234567890.123456789"), (b"SCHILY.xattr.user.a", b"1")),
        file(b"c", b"x", mode=0o4755),
    ),
)
MERGED = {
    "b": "file " + "hello" * 9000,
    "c": "file x | mode=4755 mtime=1234567890.123456789 user.a=1",
    "d": "dir | mode=1777 uid=70000",
    "d/a": "= b",
    "l": "-> d/a",
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_layout(tmp_path / "layout", {"made": LAYERS})
    return tmp_path


def pull(work: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pull",
            "--cache-dir",
            str(work / "cache"),
            "oci:layout:made",
            *arguments,
        ],
        cwd=work,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/usr/sbin:/bin:/sbin"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == status, ran.stderr.decode()
    return ran


def left(work: Path) -> set[str]:
    return {path.name for path in work.iterdir()} - {"layout", "cache"}


def names_of(image: Path) -> set[str]:
    with open_ext4(image) as reader:
        return {path.decode() for path, _ in reader.walk()}


@pytest.mark.parametrize("output", [(), ("out.ext4",)])
def test_list(work: Path, output: tuple[str, ...]) -> None:
    lines = pull(work, "--list", "-q", *output).stdout.decode().splitlines()
    assert [line.split(" /", 1)[1] for line in lines] == ["", "b", "c", "d", "d/a = /b", "l -> d/a"]
    assert lines[2].startswith("-rwsr-xr-x 0/0              1 2009-02-13T23:31:30.123456789Z")
    assert left(work) == set(output)


@pytest.mark.parametrize("options", [(), ("out.ext4",), ("out.ext4", "--canonical")])
def test_tar_and_mtree(work: Path, options: tuple[str, ...]) -> None:
    pull(work, "--tar", "flat.tar", "--mtree", "flat.mtree", *options)
    assert listing(flatten([tar_layer(work / "flat.tar")])) == MERGED
    manifest = (work / "flat.mtree").read_text()
    assert "./d type=dir uid=70000 gid=0 mode=1777" in manifest
    assert left(work) == {"flat.tar", "flat.mtree", *options} - {"--canonical"}
    assert (work / "flat.tar").stat().st_mode & 0o777 == 0o644
    if options:
        assert {"/b", "/c", "/d", "/d/a", "/l"} <= names_of(work / "out.ext4")


def test_standard_output_has_the_same_bytes(work: Path) -> None:
    pull(work, "--tar", "flat.tar", "--mtree", "flat.mtree")
    assert pull(work, "--tar", "-").stdout == (work / "flat.tar").read_bytes()
    assert pull(work, "--mtree", "-").stdout == (work / "flat.mtree").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--list", "--json"),
        ("--tar", "-", "--mtree", "-"),
        ("--list", "--tar", "-"),
        ("--list", "--add", "x"),
        ("--list", "--add", "x:y"),
        ("out.ext4", "another.ext4"),
        ("out.ext4", "--limit", "size=5"),
        ("out.ext4", "--limit", "entries=many"),
    ],
)
def test_wrong_usage(work: Path, arguments: tuple[str, ...]) -> None:
    out = pull(work, *arguments, status=2).stdout
    if "--json" in arguments:
        assert json.loads(out)["error"]["kind"] == "usage"
    else:
        assert out == b""


def test_json_without_a_filesystem(work: Path) -> None:
    facts = json.loads(pull(work, "--tar", "flat.tar", "--json").stdout)
    assert facts["exports"] == {"tar": "flat.tar"}
    assert facts["layers"] == 2
    assert "size_bytes" not in facts


def test_a_file_that_cannot_be_written_leaves_nothing(work: Path) -> None:
    (work / "flat.tar").write_bytes(b"before")
    said = pull(
        work, "out.ext4", "--tar", "flat.tar", "--mtree", "no/dir/flat.mtree", status=1
    ).stderr
    assert b"no/dir" in said
    assert left(work) == {"flat.tar"}
    assert (work / "flat.tar").read_bytes() == b"before"


def test_additions_in_the_order_they_are_given(work: Path) -> None:
    (work / "host").mkdir()
    (work / "host" / "new").write_bytes(b"1")
    (work / "x.tar").write_bytes(tar([file(b"opt/new", b"2"), whiteout(b"c"), file(b"e", b"3")]))
    for order, wanted in (
        (("--add", "host:/opt:700:5:6", "--add-tar", "x.tar"), "file 2"),
        (("--add-tar", "x.tar", "--add", "host:/opt:700:5:6"), "file 1 | uid=5 gid=6"),
    ):
        pull(work, "out.ext4", "--tar", "flat.tar", *order)
        merged = listing(flatten([tar_layer(work / "flat.tar")]))
        assert merged["opt/new"].partition(" mtime")[0].removesuffix(" |") == wanted
        assert merged["opt"].startswith("dir | mode=700 uid=5 gid=6")
        assert "c" not in merged
        assert merged["e"] == "file 3"
        assert {"/opt/new", "/e", "/b"} <= names_of(work / "out.ext4")


def test_images_with_additions_have_another_uuid(work: Path) -> None:
    (work / "new").write_bytes(b"1")
    uuids = [
        json.loads(pull(work, "out.ext4", "--json", *more).stdout)["uuid"]
        for more in ((), ("--add", "new:/new"), ("--add", "new:/new"), ("--add", "new:/newer"))
    ]
    assert uuids[1] == uuids[2]
    assert len(set(uuids)) == 3


def test_a_missing_addition_is_named(work: Path) -> None:
    assert (
        b"nothing: no such file" in pull(work, "out.ext4", "--add", "nothing:/x", status=1).stderr
    )
    (work / "bad.tar").write_bytes(b"no tar" * 100)
    said = pull(work, "out.ext4", "--add-tar", "bad.tar", status=1).stderr
    assert b"layer bad.tar: header checksum is wrong" in said
    assert left(work) == {"bad.tar"}


def test_limits_stop_by_name(work: Path) -> None:
    pull(work, "--list", "--limit", "entries=8", "--limit", "file_bytes=1M")
    said = pull(work, "out.ext4", "--limit", "entries=3", status=1).stderr
    assert b"exceeds the limit entries: 3" in said
    assert left(work) == set()


def test_a_reader_that_leaves(work: Path) -> None:
    command = f"{sys.executable} -m pull -q --cache-dir cache oci:layout:made out.ext4 --tar -"
    ran = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=work,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert b"nobody reads standard output any more" in ran.stderr
    assert ran.stdout == b"1\n"
    assert b"Traceback" not in ran.stderr
    assert left(work) == set()


@pytest.mark.oracle
def test_tar_unpacked_equals_the_mounted_image(work: Path) -> None:
    need("tar", "mount")
    need_root()
    pull(work, "out.ext4", "--tar", "flat.tar")
    (work / "unpacked").mkdir()
    (work / "mounted").mkdir()
    command = ["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf"]
    subprocess.run([*command, "flat.tar", "-C", "unpacked"], cwd=work, check=True)
    subprocess.run(["mount", "-o", "ro,loop", "out.ext4", "mounted"], cwd=work, check=True)
    try:
        times = frozenset(MERGED)
        mounted = listing_of_directory(work / "mounted", times_of=times)
        del mounted["lost+found"]
        assert listing_of_directory(work / "unpacked", times_of=times) == mounted == MERGED
    finally:
        subprocess.run(["umount", "mounted"], cwd=work, check=True)
