"""What goes to a terminal, code by code, and that nothing of it goes elsewhere."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pull.spec.digest import Digest
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image, make_tar

ROOT = Path(__file__).parents[3]
IMAGE = make_image([make_tar({"a": os.urandom(300_000)}), make_tar({"b": b""})])


def run_in_terminal(command: list[str], **environment: str) -> tuple[int, str]:
    """Run a program whose standard error is a terminal; return its status and what it showed."""
    ours, its = pty.openpty()
    variables = os.environ | {"TERM": "xterm"} | environment
    program = subprocess.Popen(
        command, cwd=ROOT, stderr=its, stdout=subprocess.DEVNULL, env=variables
    )
    os.close(its)
    shown = b""
    try:
        while select.select([ours], [], [], 30)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says EIO where the other side is closed
                break
            shown += piece
    finally:
        os.close(ours)
    return program.wait(), shown.decode()


@pytest.fixture
def slow() -> Iterator[FakeRegistry]:
    # slow enough for a picture
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=0.5)) as registry:
        yield registry


def command(registry: FakeRegistry, directory: Path) -> list[str]:
    reference = registry.add("app", "v1", IMAGE)
    options = ["--platform", "amd64", "--cache-dir", str(directory / "cache"), "--free", "1M"]
    return [sys.executable, "-m", "pull", reference, str(directory / "out.ext4"), *options]


def test_picture(slow: FakeRegistry, tmp_path: Path) -> None:
    status, shown = run_in_terminal(command(slow, tmp_path))
    assert status == 0
    for layer in IMAGE.layers:
        assert Digest.of(layer).short in shown
    assert "total" in shown
    assert "\x1b[36m" in shown  # a colour
    # the picture is taken away, and nothing but the summary follows
    last = re.split(r"\x1b\[[0-9;]*[A-Za-z]", shown)[-1]
    assert last.startswith("image:    ")


def test_nothing_on_a_quiet_terminal(slow: FakeRegistry, tmp_path: Path) -> None:
    assert run_in_terminal([*command(slow, tmp_path), "--quiet"]) == (0, "")


def test_no_colour_where_none_is_wanted(slow: FakeRegistry, tmp_path: Path) -> None:
    status, shown = run_in_terminal(command(slow, tmp_path), NO_COLOR="1")
    assert status == 0
    assert "total" in shown
    assert not re.search(r"\x1b\[[0-9;]*m", shown)


@pytest.mark.parametrize("terminal", ["dumb", "unknown", ""])
def test_no_codes_on_a_terminal_that_knows_none(
    terminal: str, slow: FakeRegistry, tmp_path: Path
) -> None:
    status, shown = run_in_terminal(command(slow, tmp_path), TERM=terminal)
    assert status == 0
    assert "\x1b" not in shown
    assert " converted\r\n" in shown


def test_no_codes_in_a_file(slow: FakeRegistry, tmp_path: Path) -> None:
    done = subprocess.run(
        command(slow, tmp_path), cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert "\x1b" not in done.stderr
    assert " converted\n" in done.stderr


def test_signs_that_the_terminal_has(slow: FakeRegistry, tmp_path: Path) -> None:
    for variables in ({"PYTHONIOENCODING": "latin-1"}, {"TERM": "linux"}):
        (tmp_path / "out.ext4").unlink(missing_ok=True)
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        status, shown = run_in_terminal(command(slow, tmp_path), **variables)
        assert status == 0
        assert "total" in shown
        assert shown.isascii()
        assert "\\u" not in shown


def test_error_comes_after_the_picture(slow: FakeRegistry, tmp_path: Path) -> None:
    slow.quirks.append(Quirk("GET .*/manifests/", stall_seconds=1.0))
    words = command(slow, tmp_path)
    words[3] = f"{slow.address}/none"
    status, shown = run_in_terminal(words)
    assert status == 1
    assert "looking for the image" in shown
    assert re.search(r"\x1b\[Jerror: [^\x1b]*\n$", shown)
