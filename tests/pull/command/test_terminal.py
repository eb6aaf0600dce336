"""Progress on a terminal: bars, which leave nothing behind at the end."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from pull.spec.digest import Digest
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image, make_tar

ROOT = Path(__file__).parents[3]
IMAGE = make_image([make_tar({"a": os.urandom(300_000)}), make_tar({"b": b""})])


def run_in_terminal(command: list[str]) -> tuple[int, str]:
    """Run a program whose standard error is a terminal; return its status and what it showed."""
    ours, its = pty.openpty()
    program = subprocess.Popen(
        command, cwd=ROOT, stderr=its, stdout=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm"}
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


def test_bars(tmp_path: Path) -> None:
    # slow enough for the bars to be drawn once
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=0.3)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        command = [sys.executable, "-m", "pull", reference, str(tmp_path / "out.ext4")]
        options = ["--platform", "amd64", "--cache-dir", str(tmp_path / "cache"), "--free", "1M"]
        status, shown = run_in_terminal([*command, *options])
        assert status == 0
        for layer in IMAGE.layers:
            assert f"{Digest.of(layer).short} download" in shown
            assert f"{Digest.of(layer).short} convert" in shown
        assert "image:    " in shown
        status, shown = run_in_terminal([*command, *options, "--quiet"])
        assert (status, shown) == (0, "")


def test_error_comes_after_the_bars(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        registry.add("app", "v1", IMAGE)
        command = [sys.executable, "-m", "pull", f"{registry.address}/none"]
        options = [str(tmp_path / "out.ext4"), "--cache-dir", str(tmp_path / "cache")]
        status, shown = run_in_terminal([*command, *options])
        assert status == 1
        assert "error: " in shown.splitlines()[-1]
