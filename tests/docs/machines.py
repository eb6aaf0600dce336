"""The machines that pages start: QEMU takes their command lines, and boots that of the quick start.

`-enable-kvm` becomes QEMU's own emulation, so that no /dev/kvm is needed. A machine that is only
looked at is made with all its devices and disks, and ends before its first instruction.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tests.boot.kernel import Kernel
from tests.docs.blocks import Block
from tests.docs.checking import commands_of
from tests.docs.sandbox import Sandbox
from tests.oracle_tools import need

__all__ = ["boot", "give_kernel", "look_at", "machines_in"]

SECONDS: Final = 300  # a boot takes ten, on a machine that has nothing else to do
_MONITOR: Final = "monitor"


def machines_in(block: Block) -> Iterator[list[str]]:
    """Yield the commands of a block that start QEMU."""
    if block.language in {"bash", "sh"}:
        yield from (words for words in commands_of(block.text) if _is_machine(words))


def _is_machine(words: list[str]) -> bool:
    return bool(words) and words[0].startswith("qemu-system-")


def give_kernel(sandbox: Sandbox, kernel: Kernel) -> None:
    """Put a kernel and its initrd where pages have them."""
    for name in ("vmlinuz", "vmlinux"):
        shutil.copy(kernel.image, sandbox.place / name)
    shutil.copy(kernel.initramfs, sandbox.place / "initrd.img")


def look_at(words: list[str], block: Block, sandbox: Sandbox) -> None:
    """Let QEMU make a machine and leave it at once; AssertionError if it can't."""
    machine = _start(
        [*_emulated(words), "-S", "-monitor", f"unix:{_MONITOR},server,nowait"], sandbox
    )
    monitor = sandbox.place / _MONITOR
    deadline = time.monotonic() + SECONDS
    while not monitor.exists() and machine.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as connection:
        with suppress(OSError):  # a machine that can't be is gone already
            _connect(connection, sandbox)
            connection.sendall(b"quit\n")
        said = machine.communicate(timeout=SECONDS)[0].decode(errors="replace")
    monitor.unlink(missing_ok=True)
    assert machine.returncode == 0, f"{block.place}: {said}"


def _connect(connection: socket.socket, sandbox: Sandbox) -> None:
    directory = os.open(sandbox.place, os.O_PATH)  # the path of a socket has at most 107 bytes
    try:
        connection.connect(f"/proc/self/fd/{directory}/{_MONITOR}")
    finally:
        os.close(directory)


def boot(words: list[str], block: Block, sandbox: Sandbox) -> str:
    """Boot a machine until it turns itself off, and return its console."""
    # a host that is busy would fail the kernel's test of its timer interrupt
    words = [word.replace("console=ttyS0", "console=ttyS0 no_timer_check") for word in words]
    machine = _start(_emulated(words), sandbox)
    try:
        said = machine.communicate(timeout=SECONDS)[0].decode(errors="replace")
    finally:
        machine.kill()
    assert machine.returncode == 0, f"{block.place}: {said}"
    return said


def _emulated(words: list[str]) -> list[str]:
    others = [word for word in words if word != "-enable-kvm"]
    others = ["max" if word == "host" else word for word in others]
    return [*others, *(["-cpu", "max"] if "-cpu" not in others else [])]


def _start(words: list[str], sandbox: Sandbox) -> subprocess.Popen[bytes]:
    need(words[0])
    return subprocess.Popen(
        words,
        cwd=sandbox.place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
