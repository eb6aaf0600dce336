"""A virtual machine in QEMU, controlled over its serial console."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.boot.kernel import Kernel

__all__ = ["Console", "booted"]

# no /dev/kvm is needed: every instruction is translated, which takes a minute to the login prompt
QEMU = [
    *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"),
    *("-m", "1024", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
]
# a busy host can be too slow for the kernel's check of the timer, which panics then
KERNEL_ARGUMENTS = "no_timer_check console=ttyS0 panic=-1 quiet systemd.show_status=1"

# colours and cursor movements, which would stand in the way of matching
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\a]*\a|[()][A-Z0-9]|[=>78])")


class Console:
    """What the machine has printed so far, and how to answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._seen = ""
        self.transcript = ""

    def expect(self, pattern: str, seconds: float) -> re.Match[str]:
        """Read until `pattern` appears behind what was matched before; fail after `seconds`."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while not (match := re.search(pattern, self._seen)):
                left = deadline - time.monotonic()
                if left <= 0 or not ready.select(left):
                    self._fail(f"no {pattern!r} in {seconds} s")
                data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    self._fail(f"the machine stopped before {pattern!r}")
                text = data.decode(errors="replace")
                self.transcript += text
                self._seen = ESCAPES.sub("", self._seen + text)
        self._seen = self._seen[match.end() :]
        return match

    def send(self, line: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\r")
        self._process.stdin.flush()

    def wait_for_power_off(self, seconds: float) -> None:
        """Read until the machine is off; its emulator ends with it."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while ready.select(max(0.0, deadline - time.monotonic())):
                data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    assert self._process.wait(timeout=10) == 0
                    return
                self.transcript += data.decode(errors="replace")
        self._fail(f"still running after {seconds} s")

    def _fail(self, reason: str) -> None:
        message = f"{reason}; the console said:\n{self.transcript[-4000:]}"
        raise AssertionError(message)


@contextmanager
def booted(kernel: Kernel, disk: Path, arguments: str = "") -> Iterator[Console]:
    """Start a machine with `disk` as its writable virtio disk; it is off when the block ends."""
    command = [*QEMU, "-kernel", str(kernel.image), "-initrd", str(kernel.initramfs)]
    command += ["-append", f"{KERNEL_ARGUMENTS} {arguments}"]
    command += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield Console(process)
        finally:
            process.kill()
