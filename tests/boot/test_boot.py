"""The two-layer Debian image boots as the writable root of a machine, and is clean afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.boot.console import Console, booted
from tests.boot.kernel import get_kernel
from tests.oracle.judges import complaints
from tests.oracle_tools import need, need_file

IMAGES = Path(__file__).parent.parent.parent / ".images"
PROMPT = "ready[>]"  # typed as 'ready'">", so that the echo of the command is no match

pytestmark = [pytest.mark.oracle, pytest.mark.slow]


def run(console: Console, command: str, seconds: float = 60) -> str:
    """Run a command in the machine's shell and return what it prints."""
    console.send(f'echo begin; {command}; echo "status "$?')
    found = console.expect(r"begin\r\n((?s:.*?))status (\d+)\r\n", seconds)
    console.expect(PROMPT, seconds)
    assert found[2] == "0", found[0]
    return found[1].strip()


def log_in(console: Console) -> None:
    console.expect("demo login: ", 300)
    console.send("demo")
    console.expect("Password: ", 60)
    console.send("demo")
    console.expect(r"\$ ", 120)
    console.send("PS1='ready'\">\"; stty -echo")
    console.expect(PROMPT, 60)


def test_debian_boots_to_a_login_and_is_clean_afterwards(tmp_path: Path) -> None:
    need("qemu-system-x86_64", "e2fsck")
    need_file(IMAGES / "real", "python -m benchmarks.make_images --layers two")
    kernel = get_kernel(IMAGES / "kernel")
    disk = tmp_path / "disk.ext4"
    pull = [sys.executable, "-m", "pull", f"oci:{IMAGES}/real:two", str(disk), "--free=256M"]
    subprocess.run([*pull, "--platform=linux/amd64", "--quiet"], check=True)
    with disk.open("r+b") as file:  # a larger disk, for it to grow into while it runs
        size = file.seek(0, 2)
        file.truncate(2 * size)
    with booted(kernel, disk) as console:
        log_in(console)
        assert run(console, "id -un") == "demo"
        assert run(console, "echo demo | sudo -S -p '' id -u 2>/dev/null") == "0"
        assert "cap_net_raw=ep" in run(console, "/usr/sbin/getcap /usr/bin/ping")
        assert " 0% packet loss" in run(console, "ping -c 1 127.0.0.1")
        assert run(console, "findmnt -no FSTYPE /") == "ext4"
        assert "rw" in run(console, "findmnt -no OPTIONS /").split(",")
        assert (
            run(console, "echo kept >kept && sudo -n sh -c 'cat kept >/root/kept' 2>/dev/null")
            == ""
        )
        run(console, "sudo -n /usr/sbin/resize2fs /dev/vda")
        assert int(run(console, "df --output=size -B1 / | tail -1")) > 1.8 * size
        console.send("sudo -n systemctl poweroff")
        console.wait_for_power_off(180)
    assert complaints(disk) == []
    read = ["debugfs", "-R", "cat /root/kept", str(disk)]
    assert subprocess.run(read, check=True, capture_output=True).stdout == b"kept\n"
