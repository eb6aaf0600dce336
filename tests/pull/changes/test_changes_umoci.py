"""A changed image, mounted, beside what umoci unpacks and ordinary tools change of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.oracle.judges import complaints
from tests.oracle.mounted import mounted
from tests.oracle.snapshot import differences, snapshot
from tests.oracle_tools import need, need_root
from tests.pull.changes.commands import EPOCH, pull, work_in

pytestmark = pytest.mark.oracle

MAP = "0:100000:65536"


@pytest.mark.parametrize("order", [(), ("--canonical",)], ids=["stream", "canonical"])
def test_beside_umoci(tmp_path: Path, order: tuple[str, ...]) -> None:
    need("umoci")
    need_root()
    work = work_in(tmp_path)
    bundle = work / "bundle"
    image = ["--image", f"{work}/layout:made", str(bundle)]
    maps = [f"--uid-map={MAP}", f"--gid-map={MAP}"]
    subprocess.run(["umoci", "unpack", *maps, *image], check=True, capture_output=True)
    rootfs = bundle / "rootfs"
    above = rootfs / "usr/share"
    time_ns = above.stat().st_mtime_ns
    subprocess.run(["rm", "-r", str(above / "doc")], check=True)
    os.utime(above, ns=(time_ns, time_ns))
    late = ["find", str(rootfs), "-newermt", f"@{EPOCH}"]
    touch = ["-exec", "touch", "-h", "-d", f"@{EPOCH}", "{}", ";"]
    subprocess.run([*late, *touch], check=True)
    options = ("--exclude", "/usr/share/doc/", f"--map-owner={MAP}", "--clamp-mtime")
    pull(work, "out.ext4", *options, *order, epoch=EPOCH)
    assert complaints(work / "out.ext4") == []
    with mounted(work / "out.ext4", work / "mnt") as root:
        assert differences(snapshot(rootfs), snapshot(root)) == []
