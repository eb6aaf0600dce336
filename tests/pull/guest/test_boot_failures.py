"""A failed start gives one line on the console and turns the machine off; it never panics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pull.guest.init.boot_file import BootFile, encode
from pyext4.tree import Node
from tests.boot.kernel import Kernel
from tests.oracle.judges import complaints
from tests.pull.guest.images import file, folder, write_image
from tests.pull.guest.machine import boot, exit_status

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

CONTENT: dict[bytes, Node] = {
    b"text": file(b"echo no magic number\n", 0o755),
    b"script": file(b"#!/bin/missing\n", 0o755),
    b"plain": file(b"\x7fELF"),
    b"bin": folder({b"unreadable": file(b"", 0o600)}),
}
NO_COMMAND = encode(BootFile(cwd=b"/new"))


@pytest.mark.parametrize(
    ("text", "words", "status", "line"),
    [
        (NO_COMMAND, "rw -- /missing", 127, "can't run /missing: no such file or directory"),
        (NO_COMMAND, "rw -- missing", 127, "can't run missing: not found in PATH=/usr/local/sbin"),
        (NO_COMMAND, "rw -- unreadable", 126, "can't run unreadable: permission denied"),
        (NO_COMMAND, "rw -- /text", 126, "can't run /text: exec format error"),
        (NO_COMMAND, "rw -- /script", 127, "can't run /script: its interpreter or loader"),
        (NO_COMMAND, "rw -- /plain", 126, "can't run /plain: permission denied"),
        (NO_COMMAND, "ro -- /text", 126, "can't make /new: read-only filesystem"),
        (NO_COMMAND, "rw", 127, "nothing to run: the image has neither entry point nor command"),
        (b"pyext4-boot 1\nenv A=1\ntypo x\n", "rw", 126, "/.pyext4/boot: line 3: unknown key"),
        (NO_COMMAND, "rw pyext4.typo=1", 126, "kernel command line: pyext4.typo=1: unknown"),
        (
            NO_COMMAND,
            "ro pyext4.overlay=/dev/vda",
            126,
            "overlay: can't mount /dev/vda as ext4: busy",
        ),
    ],
)
def test_failures(  # noqa: PLR0917 - pytest passes parameters by name
    kernel: Kernel, tmp_path: Path, text: bytes, words: str, status: int, line: str
) -> None:
    image = write_image(tmp_path / "disk.ext4", CONTENT, text)
    said = boot(kernel, [image], f"reboot=k {words}")
    told = re.findall(r"^pyext4 init: (.*)$", said, re.MULTILINE)
    assert [*told[:-1]] == [entry for entry in told if entry.startswith(line)], said
    assert len(told) == 2
    assert exit_status(said) == status
    assert "reboot: Restarting system" in said, "only a reboot ends a machine with reboot=k"
    assert complaints(image) == []


def test_no_boot_file(kernel: Kernel, tmp_path: Path) -> None:
    image = write_image(tmp_path / "disk.ext4", {b".pyext4": folder()}, b"")
    said = boot(kernel, [image], "ro")
    assert "pyext4 init: can't read /.pyext4/boot: no such file or directory\n" in said
    assert exit_status(said) == 127
    assert "reboot: Power down" in said
