"""Whole images with a guest's layer: what e2fsck and debugfs say, and that builds are equal."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from uuid import UUID

import pytest

from flatten import Spool, flatten
from pull import pull
from pull.guest.init.boot_file import encode
from pull.guest.options import BootOptions
from pull.guest.prepare import Guest, prepare
from pyext4 import Ext4Writer, Options
from tests.flatten.tars import directory, file, hardlink, symlink
from tests.oracle.judges import complaints
from tests.oracle_tools import need
from tests.pull.guest.guest_images import image_of, layout_of
from tests.pull.guest.trees import GROUP, INIT, PASSWD

pytestmark = pytest.mark.oracle

ACCOUNTS = (file(b"etc/passwd", PASSWD), file(b"etc/group", GROUP))
DEBIAN = (
    *ACCOUNTS,
    symlink(b"bin", b"usr/bin"),
    symlink(b"sbin", b"usr/sbin"),
    directory(b"usr/sbin"),
    file(b"usr/bin/sh", b"\x7fELF" + b"s" * 9000, mode=0o755),
    file(b"etc/shadow", b"root:*:1:0:99999:7:::\n", mode=0o640, gid=42),
    directory(b"tmp", 0o1777),
    symlink(b"etc/resolv.conf", b"../run/nowhere"),
)
BUSYBOX = (
    file(b"bin/busybox", b"\x7fELF" + b"b" * 20000, mode=0o755),
    hardlink(b"bin/sh", b"bin/busybox"),
    hardlink(b"bin/init", b"bin/busybox"),
)
SCRATCH = (file(b"app", b"\x7fELF" + b"a" * 100, mode=0o755),)
IMAGES = {
    "debian": image_of({"Cmd": ["/usr/bin/sh"], "User": "app", "WorkingDir": "/srv"}, *DEBIAN),
    "busybox": image_of({"Cmd": ["sh"]}, *BUSYBOX),
    "distroless": image_of({"Entrypoint": ["/app"], "User": "app"}, *SCRATCH, *ACCOUNTS),
    "scratch": image_of({"Entrypoint": ["/app"], "User": "65532:65532"}, *SCRATCH),
}


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> str:
    return layout_of(tmp_path_factory.mktemp("guests") / "layout", IMAGES)


def convert(reference: str, out: Path, options: BootOptions, *, canonical: bool = False) -> Guest:
    """What the command does, with an init of a known size."""
    seed = UUID(int=5)
    made = Options(uuid=seed, hash_seed=seed, timestamp=1_700_000_000, free_bytes=1 << 20)
    with pull(reference, platform="linux/amd64") as image, Ext4Writer(out, made) as writer:
        store = Spool() if canonical else writer.store
        tree = flatten(image.layers, into=store)
        guest = prepare(
            tree,
            image.config.raw,
            options,
            where=reference,
            time_ns=1_700_000_000 * 1_000_000_000,
            init=lambda: INIT * 1000,
        )
        flatten([guest.layer], into=store, onto=tree)
        writer.commit(tree)
    return guest


def debugfs(image: Path, request: str) -> bytes:
    need("debugfs")
    return subprocess.run(
        ["debugfs", "-R", request, str(image)], check=True, capture_output=True
    ).stdout


@pytest.mark.parametrize("canonical", [False, True], ids=["streamed", "canonical"])
@pytest.mark.parametrize("tag", IMAGES)
def test_clean_and_equal_from_run_to_run(
    tmp_path: Path,
    layouts: str,
    tag: str,
    canonical: bool,  # noqa: FBT001  # pytest passes it by name
) -> None:
    options = BootOptions(mode="auto", hostname=b"box", dns=("9.9.9.9",))
    first, second = tmp_path / "first", tmp_path / "second"
    guest = convert(f"{layouts}:{tag}", first, options, canonical=canonical)
    assert complaints(first) == []
    convert(f"{layouts}:{tag}", second, options, canonical=canonical)
    assert first.read_bytes() == second.read_bytes()
    assert guest.boot is not None
    assert debugfs(first, "cat /.pyext4/boot") == encode(guest.boot)
    assert debugfs(first, "cat /sbin/init") == INIT * 1000
    assert debugfs(first, "cat /etc/resolv.conf") == b"nameserver 9.9.9.9\n"


def test_all_options_at_once(tmp_path: Path, layouts: str) -> None:
    key = tmp_path / "key.pub"
    key.write_bytes(
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHr8N5qLrTmkmPpPbXzHxSgtAxdyxTpsXTGD me\n"
    )
    options = BootOptions(
        mode="always",
        ssh_keys=(key,),
        root_password_hash=b"$6$salt$hash",
        fstab=(b"/dev/vdb /data ext4",),
        grow=True,
    )
    out = tmp_path / "out.ext4"
    convert(f"{layouts}:debian", out, options)
    assert complaints(out) == []
    assert debugfs(out, "cat /etc/shadow") == b"root:$6$salt$hash:1:0:99999:7:::\n"
    assert debugfs(out, "cat /root/.ssh/authorized_keys") == key.read_bytes()
    assert debugfs(out, "cat /etc/fstab") == b"/dev/vdb /data ext4\n"
    expected = {
        "/etc/shadow": (0o640, 0, 42),
        "/root/.ssh": (0o700, 0, 0),
        "/root/.ssh/authorized_keys": (0o600, 0, 0),
        "/.pyext4/boot": (0o600, 0, 0),
        "/usr/sbin/init": (0o755, 0, 0),
        "/tmp": (0o1777, 0, 0),
        "/data": (0o755, 0, 0),
        "/srv": (0o755, 0, 0),
    }
    for path, wanted in expected.items():
        shown = debugfs(out, f"stat {path}").decode()
        mode = re.search(r"Mode: +([0-7]+)", shown)
        owner = re.search(r"User: +([0-9]+) +Group: +([0-9]+)", shown)
        assert mode is not None
        assert owner is not None
        assert (int(mode[1], 8), int(owner[1]), int(owner[2])) == wanted, path


def test_what_was_replaced_is_nowhere_in_the_image(tmp_path: Path) -> None:
    secret = b"the password of those who built this" * 200
    reference = layout_of(
        tmp_path / "layout",
        {"v1": image_of({"Cmd": ["x"]}, file(b"etc/hosts", secret), file(b"a", b"a"))},
    )
    out = tmp_path / "out.ext4"
    convert(f"{reference}:v1", out, BootOptions(mode="auto"))
    assert secret[:36] not in out.read_bytes()
    assert complaints(out) == []
