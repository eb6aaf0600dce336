"""The programs in examples/: they run, and use nothing but public names."""

from __future__ import annotations

import ast
import importlib
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pyext4 import open_ext4
from tests.oracle.judges import complaints

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(
    path.stem for path in EXAMPLES.glob("*.py") if path.stem not in ("__init__", "make_layout")
)
PACKAGES = ("pull", "flatten", "pyext4")
STATUS_FAILED = 1


def run(program: str, *arguments: Path | str, status: int = 0) -> str:
    command = [sys.executable, str(EXAMPLES / f"{program}.py"), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hostname").write_text("vm\n")
    (root / ".git").mkdir()
    (root / "large").write_bytes(b"x" * (9 << 20))
    return root


def private_names(source: str) -> list[str]:
    """List what a program takes of our packages besides `from package import public name`."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.split(".")[0] in PACKAGES]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[0] in PACKAGES or node.level:
                public = importlib.import_module(module).__all__ if module in PACKAGES else []
                found += [f"{module}.{each.name}" for each in node.names if each.name not in public]
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            found.append(node.attr)
    return found


def test_there_are_six() -> None:
    assert PROGRAMS == [
        "diff_images",
        "from_dict",
        "from_directory",
        "from_tar",
        "image_plus_files",
        "thread_pool",
    ]


@pytest.mark.parametrize("program", PROGRAMS)
def test_public_names_only(program: str) -> None:
    assert private_names((EXAMPLES / f"{program}.py").read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pyext4", ["pyext4"]),
        ("import pyext4.tree", ["pyext4.tree"]),
        ("from pyext4.tree import File", ["pyext4.tree.File"]),
        ("from pyext4 import tree", ["pyext4.tree"]),
        ("from flatten.layer import HostLayer", ["flatten.layer.HostLayer"]),
        ("from pull import Image", ["pull.Image"]),
        ("x._fd", ["_fd"]),
        ("import os.path\nfrom pyext4 import File", []),
    ],
)
def test_private_names_are_seen(source: str, found: list[str]) -> None:
    assert private_names(source) == found


@pytest.mark.parametrize("program", PROGRAMS)
def test_short_enough_to_read(program: str) -> None:
    assert 20 <= len((EXAMPLES / f"{program}.py").read_text().splitlines()) <= 50


@pytest.mark.parametrize("program", PROGRAMS)
def test_says_how_it_is_run(program: str) -> None:
    text = ast.get_docstring(ast.parse((EXAMPLES / f"{program}.py").read_text()))
    assert f"\npython examples/{program}.py " in (text or "")


@pytest.mark.oracle
def test_from_dict(tmp_path: Path) -> None:
    out = tmp_path / "out.ext4"
    assert run("from_dict", out).startswith(f"{out}: 9 files in ")
    assert complaints(out) == []
    with open_ext4(out) as image:
        assert image.read("/usr/bin/hi") == b"#!/bin/sh\necho hi\n"
        assert image.stat("/usr/bin/hi").mode == 0o100755
        assert image.stat("/tmp").mode == 0o41777


@pytest.mark.oracle
def test_from_directory(directory: Path, tmp_path: Path) -> None:
    os.chown(directory / "etc/hostname", 1000, 1000)
    run("from_directory", directory, tmp_path / "out.ext4")
    assert complaints(tmp_path / "out.ext4") == []
    with open_ext4(tmp_path / "out.ext4") as image:
        names = {path for path, _ in image.walk()}
        assert names == {b"/", b"/etc", b"/etc/hostname", b"/large", b"/lost+found"}
        assert image.stat("/etc/hostname").uid == 0


@pytest.mark.oracle
def test_from_tar(directory: Path, tmp_path: Path) -> None:
    for name, mode in (("first.tar", "w"), ("second.tar.gz", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as archive:  # type: ignore[call-overload]
            archive.add(directory, ".")
        (directory / "etc/hostname").write_text("second\n")
    run("from_tar", tmp_path / "first.tar", tmp_path / "second.tar.gz", tmp_path / "out.ext4")
    assert complaints(tmp_path / "out.ext4") == []
    with open_ext4(tmp_path / "out.ext4") as image:
        assert image.read("/etc/hostname") == b"second\n"


@pytest.mark.oracle
def test_image_plus_files(directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ext4"
    reference = f"oci:{EXAMPLES / 'layout'}:demo"
    key = directory / "etc/hostname"
    run("image_plus_files", reference, out, f"{key}:/root/.ssh/authorized_keys")
    assert complaints(out) == []
    with open_ext4(out) as image:
        assert image.read("/usr/bin/hello") == b"#!/bin/sh\necho hello\n"  # the image's own
        assert image.read("/root/.ssh/authorized_keys") == b"vm\n"
        assert image.read("/etc/image").startswith(reference.encode())


def test_diff_images(directory: Path, tmp_path: Path) -> None:
    for name in ("old", "new"):
        run("from_directory", directory, tmp_path / name)
        (directory / "etc/hostname").write_text("other\n")
        (directory / "etc/hostname").chmod(0o600)
        (directory / "etc/added").write_text("")
    (old, new) = (tmp_path / "old", tmp_path / "new")
    assert run("diff_images", old, old) == "\n"
    assert run("diff_images", old, new, status=STATUS_FAILED).splitlines() == [
        "! /etc: mtime",
        "+ /etc/added",
        "! /etc/hostname: content, mode, mtime, size",
    ]


@pytest.mark.oracle
def test_thread_pool(directory: Path, tmp_path: Path) -> None:
    sources = [directory, directory / "etc"]
    text = run("thread_pool", tmp_path, *sources)
    for source in sources:
        assert complaints(tmp_path / f"{source.name}.ext4") == []
        assert f"{source.name}: sync, 0 of" in text
    assert f"root: contents, {9 << 20} of" not in text
    assert f"root: contents, 0 of {(9 << 20) + 3} bytes" in text


def test_thread_pool_fails_whole(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    missing = tmp_path / "missing"
    text = run("thread_pool", tmp_path / "out", directory, missing, status=STATUS_FAILED)
    assert f"{missing}: [Errno 2]" in text
    assert set(os.listdir(tmp_path / "out")) <= {"root.ext4"}  # it may have been faster


def test_thread_pool_ends_by_ctrl_c(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    command = [sys.executable, str(EXAMPLES / "thread_pool.py"), str(tmp_path / "out")]
    with (directory / "huge").open("wb") as file:
        for _ in range(300):
            file.write(b"x" * (1 << 20))
    with subprocess.Popen(
        [*command, str(directory)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    assert os.listdir(tmp_path / "out") == []
