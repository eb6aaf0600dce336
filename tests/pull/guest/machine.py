"""A machine that a test image boots in, with QEMU's monitor for keys and the power button."""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.boot.console import Console
from tests.boot.kernel import Kernel

__all__ = ["Machine", "boot", "booted", "exit_status"]

SECONDS = 100  # a machine that takes longer is killed; it takes 5 to 15
EMULATORS = {
    "x86_64": ["qemu-system-x86_64", "-cpu", "max", "-machine", "pc"],
    "aarch64": ["qemu-system-aarch64", "-cpu", "cortex-a57", "-machine", "virt"],
}
# a host that is busy would fail the kernel's test of its timer interrupt
WORDS = {"x86_64": "console=ttyS0 no_timer_check", "aarch64": "console=ttyAMA0"}
COMMON = ["-accel", "tcg", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot"]


class Machine(Console):
    """Its console, and its monitor."""

    def __init__(self, process: subprocess.Popen[bytes], monitor: Path) -> None:
        super().__init__(process)
        self._monitor = monitor

    def command(self, line: str) -> None:
        """Give the monitor a command, such as `system_powerdown`."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._monitor))
            connection.sendall(line.encode() + b"\n")
            time.sleep(0.3)  # a monitor that is left before it has read does nothing


@contextmanager
def booted(
    kernel: Kernel, disks: list[Path], words: str, machine: str = "x86_64", *, forward: str = ""
) -> Iterator[Machine]:
    """Start a machine; it is off when the block ends.

    `forward` is QEMU's `hostfwd`, such as `tcp:127.0.0.1:2222-:22`.
    """
    with tempfile.TemporaryDirectory() as place:
        monitor = Path(place) / "monitor"
        command = ["timeout", "--signal=KILL", str(SECONDS), *EMULATORS[machine], *COMMON]
        command += ["-serial", "stdio", "-monitor", f"unix:{monitor},server,nowait"]
        command += ["-kernel", str(kernel.image), "-initrd", str(kernel.initramfs)]
        command += ["-append", f"{WORDS[machine]} panic=-1 quiet {words}"]
        forwarded = f",hostfwd={forward}" if forward else ""
        command += [
            "-netdev",
            f"user,id=net{forwarded}",
            "-device",
            "virtio-net-pci,netdev=net,romfile=",
        ]
        for disk in disks:
            command += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            try:
                yield Machine(process, monitor)
            finally:
                process.kill()


def boot(kernel: Kernel, disks: list[Path], words: str, machine: str = "x86_64") -> str:
    """Run a machine until it turns itself off; return what its console said."""
    with booted(kernel, disks, words, machine) as guest:
        guest.wait_for_power_off(SECONDS)
        said = guest.transcript.replace("\r\n", "\n")
    assert "panic" not in said.replace("panic=-1", ""), said
    return said


def exit_status(said: str) -> int:
    """Return the number in the one line that tells it."""
    (status,) = re.findall(r"^pyext4 init: exit status (\d+)$", said, re.MULTILINE)
    return int(status)
