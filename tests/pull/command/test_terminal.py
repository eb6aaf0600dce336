"""What goes to a terminal, code by code, and that nothing of it goes elsewhere."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pull.spec.digest import Digest
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import digest_of, make_image, make_tar

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


class Shown:
    """A program on a terminal, of which the rest can be read as it comes."""

    def __init__(self, words: list[str]) -> None:
        self._ours, its = pty.openpty()
        self.program = subprocess.Popen(
            words,
            cwd=ROOT,
            stderr=its,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"TERM": "xterm"},
        )
        os.close(its)

    def until(self, text: str, *, silence_seconds: float = 30.0) -> str:
        """Read until a text has come, or nothing more comes; return everything that came."""
        shown = ""
        while text not in shown and select.select([self._ours], [], [], silence_seconds)[0]:
            try:
                shown += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:
                break
        return shown

    def close(self) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self._ours)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Shown]:
    """A program that waits for its layers, with its picture on the terminal."""
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=8.0)) as registry:
        registry.quirks.insert(0, Quirk(f"GET .*/blobs/{digest_of(IMAGE.config)}"))
        shown = Shown(command(registry, tmp_path))
        try:
            shown.until("total")
            yield shown
        finally:
            shown.close()


def test_a_stopped_program_leaves_what_the_shell_wrote(waiting: Shown) -> None:
    os.kill(waiting.program.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, waiting.program.pid, os.WSTOPPED | os.WNOWAIT)
    waiting.until("never", silence_seconds=0.5)  # to the end of what it had written
    os.kill(waiting.program.pid, signal.SIGCONT)
    drawn = waiting.until("total ")
    assert drawn.index("127.0.0.1:") < len("\x1b[1m") + 1  # at once, without a step up
    assert "\x1b[3A" in waiting.until("total ")  # and from then on in its place again


def test_interrupted(waiting: Shown) -> None:
    waiting.program.send_signal(signal.SIGINT)
    shown = waiting.until("interrupted\r\n")
    assert shown.endswith("\x1b[Jinterrupted\r\n")
    assert waiting.program.wait() == 130


def test_rich_is_not_imported_before_it_draws() -> None:
    program = "import sys, pull.command.progress.terminal; print('rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
