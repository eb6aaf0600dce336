"""Machines that share one image file: changes go to memory, or to each machine's own disk."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from pull.guest.init.boot_file import BootFile
from pyext4 import Options, Tree, write_ext4
from pyext4.tree import Node
from tests.boot.kernel import Kernel
from tests.oracle.judges import complaints
from tests.pull.guest.images import file, folder, write_image
from tests.pull.guest.machine import boot, exit_status
from tests.pull.guest.programs import compiled

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

MIB = 1 << 20


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    program = compiled("witness", "x86_64", tmp_path).read_bytes()
    etc = folder({b"base": file(b"of the base\n")})
    content: dict[bytes, Node] = {b"witness": file(program, 0o755), b"etc": etc}
    start = BootFile(entry=(b"/witness",), cmd=(b"facts", b"write", b"/etc/new"))
    return write_image(tmp_path / "base.ext4", content, start)


def test_overlay_in_memory(kernel: Kernel, base: Path) -> None:
    before = digest(base)
    words = (
        "ro pyext4.overlay=tmpfs pyext4.grow -- facts write /etc/new read /etc/new read /etc/base"
    )
    said = boot(kernel, [base], words)
    assert re.search(r"^overlay / overlay rw,", said, re.MULTILINE)
    assert "kept\nof the base\n" in said
    assert exit_status(said) == 0
    assert said.count("pyext4 init:") == 1, "no complaint"
    assert digest(base) == before


def test_overlay_on_a_second_disk_keeps_what_was_written_and_grows(
    kernel: Kernel, base: Path, tmp_path: Path
) -> None:
    before = digest(base)
    data = tmp_path / "data.ext4"
    write_ext4(Tree(root=folder()), data, Options(free_bytes=16 * MIB))
    words = "ro pyext4.overlay=/dev/vdb -- statfs write /etc/new exit 4"
    said = boot(kernel, [base, data], words)
    assert exit_status(said) == 4
    (size,) = re.findall(r"^size (\d+)$", said, re.MULTILINE)
    assert said.count("pyext4 init:") == 1, "no complaint"
    assert complaints(data) == []
    with data.open("r+b") as disk:
        disk.truncate(512 * MIB)
    words = "ro pyext4.overlay=/dev/vdb pyext4.grow -- statfs facts read /etc/new read /etc/base"
    said = boot(kernel, [base, data], words)
    (grown,) = re.findall(r"^size (\d+)$", said, re.MULTILINE)
    assert "kept\nof the base\n" in said
    assert int(size) < 100 * MIB < 400 * MIB < int(grown)
    assert re.search(r"^overlay / overlay rw,", said, re.MULTILINE)
    assert said.count("pyext4 init:") == 1, "no complaint"
    assert complaints(data) == []
    assert digest(base) == before
