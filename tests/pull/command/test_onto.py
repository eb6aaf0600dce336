"""--onto, end to end: the qcow2 image, what is said about it, and what is refused."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import pull
from pull.command.main import main
from pyext4 import OptionsError
from pyext4.qcow2 import writer
from pyext4.qcow2.difference import Window
from tests.oracle_tools import need
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import make_image, make_tar
from tests.pyext4.qcow2.qemu import agrees, said_by

NUMBERS = random.Random(14)
LOWER = make_tar({f"usr/lib/{n}": NUMBERS.randbytes(40_000) for n in range(100)})
BASE = make_image([LOWER])
REBUILT = make_image([LOWER, make_tar({"app/one": NUMBERS.randbytes(2_000_000), "app/two": b"2"})])
MUST = "--onto makes a qcow2 image: it needs an output with a name like OUT.qcow2"


@pytest.fixture(autouse=True)
def _no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for name in ("REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)


def command(reference: str, out: Path, *options: str) -> int:
    fixed = ("--platform", "linux/amd64", "--cache-dir", str(out.parent / "cache"))
    return main([reference, str(out), *fixed, *options])


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "cache")


def make_base(directory: Path, registry: FakeRegistry, *options: str) -> Path:
    base = directory / "base.ext4"
    assert command(registry.add("base", "v1", BASE), base, "--quiet", *options) == 0
    return base


@pytest.mark.oracle
@pytest.mark.parametrize("options", [(), ("--size", "64M"), ("--verity", "--profile", "readonly")])
def test_the_disk_is_the_filesystem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    need("qemu-img")
    plain, out = tmp_path / "plain.ext4", tmp_path / "out.qcow2"
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry)
        before = base.read_bytes()
        reference = registry.add("app", "v1", REBUILT)
        assert command(reference, plain, "--json", *options) == 0
        without = json.loads(capsys.readouterr().out)
        assert command(reference, out, "--json", "--onto", str(base), *options) == 0
    said = capsys.readouterr()
    facts = json.loads(said.out)
    assert base.read_bytes() == before
    assert left_in(tmp_path) == ["base.ext4", "out.qcow2", "plain.ext4"]
    agrees(out, plain, tmp_path / "converted")
    subprocess.run(["e2fsck", "-fn", tmp_path / "converted"], check=True, capture_output=True)
    onto = facts.pop("onto")
    assert onto["base"] == str(base)
    assert onto["backing_file"] == said_by("info", out)["backing-filename"] == "base.ext4"
    assert onto["file_bytes"] == out.stat().st_size
    assert f"onto:     {base} (" in said.err
    for key in ("size_bytes", "used_bytes", "free_bytes", "files", "uuid"):
        assert facts[key] == without[key]
    assert "onto" not in without


def test_it_costs_little_more_than_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, out = tmp_path / "plain.ext4", tmp_path / "out.qcow2"
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry)
        reference = registry.add("app", "v1", REBUILT)
        assert command(reference, plain, "--quiet") == 0
        capsys.readouterr()
        assert command(reference, out, "--json", "--onto", str(base)) == 0
    onto = json.loads(capsys.readouterr().out)["onto"]
    image = plain.read_bytes()
    below = base.read_bytes().ljust(len(image), b"\0")
    blocks = [slice(start, start + 4096) for start in range(0, len(image), 4096)]
    changed = [image[block] for block in blocks if image[block] != below[block]]
    held = sum(any(block) for block in changed) * 4096
    assert 2_000_000 < held < 3_000_000  # and not the 4 MB below
    assert onto["changed_bytes"] == held
    assert onto["zeroed_bytes"] == len(changed) * 4096 - held
    assert onto["file_bytes"] <= 1.2 * held


def test_the_library_writes_the_same(tmp_path: Path) -> None:
    out, other = tmp_path / "out.qcow2", tmp_path / "other.qcow2"
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry)
        reference = registry.add("app", "v1", REBUILT)
        assert command(reference, out, "--quiet", "--onto", str(base)) == 0
        made = pull.convert(
            reference,
            other,
            platform="linux/amd64",
            cache_dir=tmp_path / "cache",
            filesystem=pull.FilesystemOptions(onto=base),
        )
    assert out.read_bytes() == other.read_bytes()
    assert made.written is not None
    assert made.written.overlay is not None
    assert made.written.overlay.base == base
    assert made.written.overlay.file_bytes == other.stat().st_size


def test_the_library_refuses_a_base_without_an_output(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"^base: needs an output for what differs from it: "):
        pull.convert(
            "app", None, cache_dir=tmp_path, filesystem=pull.FilesystemOptions(onto=tmp_path / "b")
        )


@pytest.mark.parametrize("name", [None, "out.ext4", "out", "qcow2", ".qcow2"])
def test_the_name_tells_the_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str | None
) -> None:
    output = ["--list"] if name is None else [str(tmp_path / name)]
    with pytest.raises(SystemExit) as ended:
        main(["app", *output, "--onto", str(tmp_path / "base.ext4")])
    assert ended.value.code == 2
    assert MUST in capsys.readouterr().err


def refused(out: Path, base: Path, *options: str) -> list[str]:
    """Run the command, whose registry doesn't exist: it must end before it asks anyone."""
    assert command("registry.invalid/app", out, "--onto", str(base), *options) == 1
    return left_in(out.parent)


def test_bases_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.qcow2"
    contents = {"text": b"#!/bin/sh\n" * 500, "empty": b"", "zeros": bytes(1 << 20)}
    for name, content in contents.items():
        base = tmp_path / name
        base.write_bytes(content)
        assert refused(out, base) == [name]
        expected = f"error: {out}: base: is not a readable ext4 image: {base}: "
        said = capsys.readouterr().err
        assert expected in said
        assert said.count("\n") == 1
        base.unlink()
    (tmp_path / "directory").mkdir()
    assert refused(out, tmp_path / "directory") == ["directory"]
    assert f"base: is not a regular file: {tmp_path}/directory" in capsys.readouterr().err
    assert refused(out, tmp_path / "missing") == ["directory"]
    assert f"error: {tmp_path}/missing: no such file" in capsys.readouterr().err


def test_a_damaged_base(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry)
    capsys.readouterr()
    content = bytearray(base.read_bytes())
    content[1024 + 4] ^= 1  # s_blocks_count_lo
    base.write_bytes(content)
    assert refused(tmp_path / "out.qcow2", base) == ["base.ext4"]
    said = capsys.readouterr().err
    assert f"base: is not a readable ext4 image: {base}: " in said
    assert "checksum" in said


@pytest.mark.parametrize("way", ["output", "link", "--tar", "--mtree", "--kernel-out"])
def test_the_base_is_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry).rename(tmp_path / "base.qcow2")
    before = base.read_bytes()
    capsys.readouterr()
    out = base if way == "output" else tmp_path / "out.qcow2"
    if way == "link":
        out.symlink_to(base)
    options = (way, str(base)) if way.startswith("--") else ()
    expected = ["base.qcow2", "out.qcow2"] if way == "link" else ["base.qcow2"]
    assert refused(out, base, *options) == expected
    assert f"base: would be replaced by the output: {base}\n" in capsys.readouterr().err
    assert base.read_bytes() == before


def test_a_signal_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def interrupted(*_: object) -> Iterator[Window]:
        seen.extend(left_in(tmp_path))
        os.kill(os.getpid(), signal.SIGTERM)
        yield Window(offset=0, data=bytearray(1 << 20), runs=())

    monkeypatch.setattr(writer, "differences", interrupted)
    out = tmp_path / "out.qcow2"
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry)
        reference = registry.add("app", "v1", REBUILT)
        assert command(reference, out, "--quiet", "--onto", str(base)) == 128 + signal.SIGTERM
    capsys.readouterr()
    assert len(seen) == 3  # the base, the filesystem and the qcow2 image under temporary names
    assert left_in(tmp_path) == ["base.ext4"]


def test_a_failed_run_keeps_what_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.qcow2"
    out.write_bytes(b"before")
    with FakeRegistry() as registry:
        base = make_base(tmp_path, registry)
        reference = registry.add("app", "v1", REBUILT)
        assert command(reference, out, "--onto", str(base), "--size", "1M") == 1
    assert "does not fit" in capsys.readouterr().err
    assert out.read_bytes() == b"before"
    assert left_in(tmp_path) == ["base.ext4", "out.qcow2"]
