"""Images without their own init start their entry point correctly, and then end."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pull.guest.init.binary import init_script
from pull.guest.init.boot_file import BootFile
from pyext4.tree import Node
from tests.boot.kernel import Kernel
from tests.oracle.judges import complaints
from tests.oracle_tools import need
from tests.pull.guest.images import file, folder, link, write_image
from tests.pull.guest.machine import boot, booted, exit_status
from tests.pull.guest.programs import compiled

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

GIB = 1 << 30
APPLETS = (b"sh", b"mount", b"id", b"pwd", b"env", b"hostname", b"df", b"sleep", b"poweroff")
SHELL = b"""\
echo "uid $(id -u) gid $(id -g) groups $(id -G)"
echo "cwd $(pwd)"
echo "env $(env)"
echo "host $(hostname)"
mount
df -k / | while read -r _ size _; do echo "size $size"; done
exit 5
"""


def witness(directory: Path, machine: str = "x86_64") -> dict[bytes, Node]:
    return {b"witness": file(compiled("witness", machine, directory).read_bytes(), 0o755)}


def busybox() -> dict[bytes, Node]:
    need("busybox")
    program = shutil.which("busybox")
    assert program is not None
    names: dict[bytes, Node] = {name: link(b"busybox") for name in APPLETS}
    return {
        b"bin": folder({b"busybox": file(Path(program).read_bytes(), 0o755)} | names),
        b"run": folder({b"app": folder()}),
    }


def addresses(said: str) -> set[str]:
    """List the machine's own addresses, from its /proc/net/fib_trie."""
    return set(re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", said))


@pytest.mark.parametrize("init", ["program", "script"])
def test_busybox_only(kernel: Kernel, tmp_path: Path, init: str) -> None:
    start = BootFile(
        entry=(b"/bin/sh", b"-c"),
        cmd=(SHELL,),
        env=(b"PATH=/bin", b"GREETING=two  words\nand a \\n"),
        cwd=b"/srv/app",
        hostname=b"guest-1",
        grow=init == "program",
    )
    image = tmp_path / "disk.ext4"
    write_image(image, busybox(), start, init=init_script() if init == "script" else None)
    with image.open("r+b") as disk:
        disk.truncate(GIB)
    said = boot(kernel, [image], "rw")
    assert exit_status(said) == 5
    assert "uid 0 gid 0 groups 0\n" in said
    assert "cwd /srv/app\n" in said
    assert "GREETING=two  words\nand a \\n\n" in said
    assert "host guest-1\n" in said
    for place in ("/dev", "/proc", "/sys", "/dev/pts", "/dev/shm", "/sys/fs/cgroup", "/tmp"):
        assert f" on {place} type " in said
    assert " on /run type " not in said, "the image has something there"
    (size,) = re.findall(r"^size (\d+)$", said, re.MULTILINE)
    assert (int(size) * 1024 > 0.9 * GIB) == (init == "program"), "grown, where that was asked for"
    assert complaints(image) == []


def test_distroless_with_a_user_and_a_power_button(kernel: Kernel, tmp_path: Path) -> None:
    content = witness(tmp_path) | {
        b"spool": folder(mode=0o777),
        b"etc": folder({b"passwd": file(b"nonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n")}),
    }
    start = BootFile(
        entry=(b"witness",),
        cmd=(b"facts", b"orphans", b"1000", b"leave", b"/spool/x", b"wait", b"10", b"exit", b"9"),
        env=(b"PATH=/nowhere:/",),
        uid=65532,
        gid=65533,
        groups=(7, 8, 4_000_000_000),
        cwd=b"/",
        stop=10,
        net=b"10.0.2.15/24 10.0.2.2",
        rlimits=(("nofile", "1000", "2000"), ("core", "0", "unlimited")),
    )
    image = write_image(tmp_path / "disk.ext4", content, start)
    with booted(kernel, [image], "rw") as guest:
        guest.expect("waiting", 60)
        guest.command("system_powerdown")
        guest.wait_for_power_off(60)
        said = guest.transcript.replace("\r\n", "\n")
    facts = said[: said.index("end of facts")].splitlines()
    assert {"uid 65532", "gid 65533", "group 7", "group 8", "group 4000000000"} <= set(facts)
    assert {"cwd /", "argument witness", "env PATH=/nowhere:/"} <= set(facts)
    assert {"nofile soft 1000", "nofile hard 2000"} <= set(facts)
    assert {"terminal yes", "stdout opens yes"} <= set(facts)
    assert addresses(said) == {"127.0.0.1", "10.0.2.15"}
    # destination, gateway, flags (up, by a gateway), ..., mask; address bytes as a little number
    assert "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000" in said
    assert "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF" in said
    assert "orphans made 1000\norphans left 0\n" in said
    assert "got signal 10\n" in said
    assert exit_status(said) == 9
    assert said.count("pyext4 init:") == 1, "no complaint: nobody writes any more"
    assert complaints(image) == []


def test_scratch_with_kernel_arguments_and_ctrl_alt_del(kernel: Kernel, tmp_path: Path) -> None:
    start = BootFile(entry=(b"/witness",), cmd=(b"exit", b"1"), uid=123456, gid=0)
    image = write_image(tmp_path / "disk.ext4", witness(tmp_path), start)
    words = 'rw pyext4.end=reboot -- facts "two words" raise 18 wait 15 raw raise 9'
    with booted(kernel, [image], words) as guest:
        guest.expect("waiting", 60)
        guest.command("sendkey ctrl-alt-delete")
        guest.wait_for_power_off(60)
        assert "exit status 137\r\n" in guest.transcript, "the terminal is as it was"
        said = guest.transcript.replace("\r\n", "\n")
    assert "uid 123456\ngid 0\ncwd /\nhostname (none)\n" in said
    arguments = re.findall(r"^argument (.*)$", said, re.MULTILINE)
    assert arguments[:4] == ["/witness", "facts", "two words", "raise"]
    assert addresses(said) == {"127.0.0.1"}
    assert "env " not in said, "nothing but what the image says"
    assert "got signal 15\n" in said
    assert exit_status(said) == 128 + 9
    assert "reboot: Restarting system" in said
    assert complaints(image) == []


def test_scratch_on_aarch64(arm_kernel: Kernel, tmp_path: Path) -> None:
    start = BootFile(
        entry=(b"/witness",),
        cmd=(b"facts", b"write", b"/kept", b"orphans", b"50", b"ask", b"12", b"exit", b"3"),
        env=(b"A=B",),
        uid=0,
        gid=9,
        groups=(5,),
        cwd=b"/work/dir",
        stop=12,
        hostname=b"arm",
        grow=True,
    )
    image = tmp_path / "disk.ext4"
    write_image(image, witness(tmp_path, "aarch64"), start, machine="aarch64")
    with image.open("r+b") as disk:
        disk.truncate(GIB)
    said = boot(arm_kernel, [image], "rw", "aarch64")
    assert "env A=B\n" in said
    assert "uid 0\ngid 9\ngroup 5\ncwd /work/dir\nhostname arm\n" in said
    assert "terminal yes\nstdout opens yes\n" in said
    assert "orphans left 0\n" in said
    assert "got signal 12\n" in said
    assert exit_status(said) == 3
    assert complaints(image) == []
