"""From a container image to a machine that has run it, with nothing but the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pull.command.main import main
from tests.boot.kernel import Kernel
from tests.flatten import tars
from tests.oracle.judges import complaints
from tests.oracle_tools import need
from tests.pull.guest.guest_images import image_of, layout_of
from tests.pull.guest.machine import boot, exit_status
from tests.pull.guest.trees import GROUP, PASSWD

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SCRIPT = """\
echo "user $(id -un) $(id -u) $(id -g) [$(id -G)]"
echo "cwd $(pwd) host $(hostname)"
echo "env $GREETING $HOME $EXTRA"
echo "written by $1" >kept && cat kept /etc/resolv.conf
exit 7
"""
APPLETS = (b"sh", b"id", b"pwd", b"hostname", b"cat", b"init")


def test_a_container_image_runs_as_it_would_in_a_container(kernel: Kernel, tmp_path: Path) -> None:
    need("busybox")
    busybox = Path(shutil.which("busybox") or "").read_bytes()
    process = {
        "Entrypoint": ["sh", "-c", SCRIPT, "sh"],
        "Cmd": ["the image"],
        "User": "app",
        "WorkingDir": "/home/app",
        "Env": ["PATH=/bin", "GREETING=two  words"],
    }
    members = (
        tars.file(b"bin/busybox", busybox, mode=0o755),
        *(tars.symlink(b"bin/" + name, b"busybox") for name in APPLETS),
        tars.file(b"etc/passwd", PASSWD),
        tars.file(b"etc/group", GROUP),
        tars.directory(b"home/app", uid=1000, gid=1001),
    )
    reference = layout_of(tmp_path / "layout", {"v1": image_of(process, *members)}) + ":v1"
    disk = tmp_path / "disk.ext4"
    options = ("--platform=linux/amd64", "--hostname=box", "--dns=9.9.9.9", "--env", "EXTRA=x")
    assert main([reference, "--boot", str(disk), *options, "--quiet"]) == 0
    before = disk.read_bytes()
    said = boot(kernel, [disk], "root=/dev/vda rw")
    assert exit_status(said) == 7
    assert "user app 1000 1001 [1001 10 44]\n" in said
    assert "cwd /home/app host box\n" in said
    assert "env two  words /home/app x\n" in said
    assert "written by the image\nnameserver 9.9.9.9\n" in said
    assert complaints(disk) == []
    assert main([reference, "--boot", str(disk), *options, "--quiet"]) == 0
    assert disk.read_bytes() == before
    said = boot(kernel, [disk], "root=/dev/vda rw -- somebody")
    assert "written by somebody\n" in said
