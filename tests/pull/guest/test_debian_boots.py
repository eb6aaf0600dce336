"""A Debian image under our init: a service with its own user, and a login by key over ssh."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

from pull.command.main import main
from tests.boot.kernel import Kernel
from tests.oracle.judges import complaints
from tests.oracle_tools import need, need_file
from tests.pull.guest.machine import SECONDS, boot, booted, exit_status

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

IMAGES = Path(__file__).parents[3] / ".images"
ADDRESS = "10.0.2.15/24,10.0.2.2"  # of QEMU's user network
SERVICE = """\
import os, pwd, socket
print("service", pwd.getpwuid(os.getuid()).pw_name, os.getgid(), sorted(os.getgroups()))
print("at", os.getcwd(), os.environ["MODE"], socket.gethostname(), flush=True)
raise SystemExit(3)
"""


def converted(disk: Path, *options: str) -> None:
    need_file(IMAGES / "real", "python -m benchmarks.make_images --layers two")
    reference = f"oci:{IMAGES}/real:two"
    assert main([reference, str(disk), "--boot=always", "--free=128M", "--quiet", *options]) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_service_runs_as_its_user(kernel: Kernel, tmp_path: Path) -> None:
    disk = tmp_path / "disk.ext4"
    options = ("--user=games", "--workdir=/srv", "--env=MODE=fast", "--hostname=deb")
    converted(disk, "--entrypoint=python3", f"--cmd={json.dumps(['-c', SERVICE])}", *options)
    said = boot(kernel, [disk], "root=/dev/vda rw")
    assert "service games 60 [60]\n" in said
    assert "at /srv fast deb\n" in said
    assert exit_status(said) == 3
    assert complaints(disk) == []


def test_ssh_takes_the_key(kernel: Kernel, tmp_path: Path) -> None:
    need("ssh", "ssh-keygen")
    key, other = tmp_path / "key", tmp_path / "other"
    for path in (key, other):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(command, check=True)
    disk = tmp_path / "disk.ext4"
    start = "mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -h /etc/ssh/ssh_host_ed25519_key"
    options = (f"--ssh-key={key}.pub", f"--net={ADDRESS}", "--entrypoint=/bin/sh")
    converted(disk, *options, f"--cmd={json.dumps(['-c', start])}")
    port = free_port()

    def login(path: Path) -> subprocess.CompletedProcess[str]:
        known = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        quiet = ("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20")
        where = ("-F", "none", "-i", str(path), "-p", str(port), "root@127.0.0.1")
        command = ["ssh", *known, *quiet, *where, "id -u; stat -c %a ~/.ssh ~/.ssh/authorized_keys"]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    forward = f"tcp:127.0.0.1:{port}-:22"
    with booted(kernel, [disk], "root=/dev/vda rw", forward=forward) as guest:
        guest.expect("Server listening on 0.0.0.0", SECONDS)
        deadline = time.monotonic() + SECONDS / 2
        while (done := login(key)).returncode and time.monotonic() < deadline:
            time.sleep(1)
        assert (done.returncode, done.stdout.split()) == (0, ["0", "700", "600"]), done.stderr
        refused = login(other)
        assert refused.returncode == 255
        assert "Permission denied" in refused.stderr
        guest.command("system_powerdown")
        guest.wait_for_power_off(SECONDS)
    assert complaints(disk) == []
