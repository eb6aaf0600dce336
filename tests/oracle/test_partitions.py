"""Filesystems in partitions and on block devices, as sfdisk, e2fsck and the kernel see them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pyext4 import File, Options, OptionsError, Tree, write_ext4
from tests.oracle.judges import complaints
from tests.oracle.mounted import mounted
from tests.oracle_tools import need, need_root

pytestmark = pytest.mark.oracle

MIB = 1 << 20
SECTOR = 512
TABLE = "label: gpt\nstart=2048, size=65536\nstart=67589, size=24576\n"  # the second is unaligned


def tree(name: bytes) -> Tree:
    made = Tree()
    made.add("/etc/hostname", File.of(name))
    made.add("/usr/lib/large", File.of(name * 100_000))
    return made


def partitions(disk: Path) -> list[dict[str, Any]]:
    need("sfdisk")
    command = ["sfdisk", "--json", str(disk)]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    found: list[dict[str, Any]] = json.loads(shown)["partitiontable"]["partitions"]
    return found


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk with two partitions, and old bytes in all of them."""
    need("sfdisk")
    path = tmp_path / "disk.img"
    path.write_bytes(b"old data" * (48 * MIB // 8))
    command = ["sfdisk", "--quiet", "--wipe", "never", str(path)]
    subprocess.run(command, input=TABLE.encode(), check=True)
    return path


def test_both_partitions_of_a_disk(disk: Path, tmp_path: Path) -> None:
    table = partitions(disk)
    before = disk.read_bytes()
    names = (b"first\n", b"second\n")
    for name, partition in zip(names, table, strict=True):
        options = Options(size_bytes=partition["size"] * SECTOR, label=name.strip())
        with disk.open("r+b") as file:
            write_ext4(tree(name), file, options, offset=partition["start"] * SECTOR)
    assert partitions(disk) == table
    assert len(disk.read_bytes()) == len(before)
    end = 0
    for partition in table:  # what stands between the partitions
        start = partition["start"] * SECTOR
        assert disk.read_bytes()[end:start] == before[end:start]
        end = start + partition["size"] * SECTOR
    assert disk.read_bytes()[end:] == before[end:]
    for name, partition in zip(names, table, strict=True):
        offset = partition["start"] * SECTOR
        assert complaints(Path(f"{disk}?offset={offset}")) == []
        with mounted(disk, tmp_path / "mnt", f"ro,offset={offset}") as root:
            assert (root / "etc/hostname").read_bytes() == name
            assert (root / "usr/lib/large").read_bytes() == name * 100_000


def test_partition_is_writable_and_grows(disk: Path, tmp_path: Path) -> None:
    need("resize2fs")
    offset = partitions(disk)[0]["start"] * SECTOR
    write_ext4(tree(b"first\n"), disk, Options(size_bytes=16 * MIB), offset=offset)
    with mounted(disk, tmp_path / "mnt", f"rw,offset={offset}") as root:
        (root / "new").write_bytes(b"new" * MIB)
    assert complaints(Path(f"{disk}?offset={offset}")) == []


@contextmanager
def loop_device(path: Path, *options: str) -> Iterator[Path]:
    need("losetup")
    need_root()
    command = ["losetup", "--show", "--find", *options, str(path)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    try:
        yield Path(shown.strip())
    finally:
        subprocess.run(["losetup", "--detach", shown.strip()], check=True)


@pytest.mark.parametrize("sector", ["512", "4096"])
@pytest.mark.parametrize("offset", [0, MIB, 63 * SECTOR])
def test_block_device(tmp_path: Path, sector: str, offset: int) -> None:
    backing = tmp_path / "backing"
    backing.write_bytes(b"old data" * (24 * MIB // 8))
    options = Options(size_bytes=16 * MIB)
    write_ext4(tree(b"device\n"), tmp_path / "plain", options)
    with loop_device(backing, "--sector-size", sector) as device:
        written = write_ext4(tree(b"device\n"), device, options, offset=offset)
        assert written.path == device
    found = backing.read_bytes()
    assert found[offset : offset + 16 * MIB] == (tmp_path / "plain").read_bytes()
    rest = found[:offset] + found[offset + 16 * MIB :]
    assert rest == b"old data" * (8 * MIB // 8)
    assert complaints(Path(f"{backing}?offset={offset}")) == []


def test_block_device_is_filled(tmp_path: Path) -> None:
    backing = tmp_path / "backing"
    backing.write_bytes(b"old data" * (24 * MIB // 8))
    with loop_device(backing) as device:
        fd = os.open(device, os.O_RDWR)
        try:
            written = write_ext4(tree(b"device\n"), fd)
        finally:
            os.close(fd)
        assert written.size_bytes == 24 * MIB
        with pytest.raises(OptionsError, match=r"^size: 23 MiB from offset 2097152 reach behind"):
            write_ext4(Tree(), device, Options(size_bytes=23 * MIB), offset=2 * MIB)
    assert complaints(backing) == []


def test_mounted_device_is_refused(tmp_path: Path) -> None:
    backing = tmp_path / "backing"
    write_ext4(tree(b"device\n"), backing)
    with loop_device(backing) as device:
        place = tmp_path / "mnt"
        place.mkdir()
        subprocess.run(["mount", "-o", "ro", str(device), str(place)], check=True)
        try:
            with pytest.raises(OSError, match="busy") as caught:
                write_ext4(Tree(), device, offset=0)
            assert caught.value.filename == str(device)
        finally:
            subprocess.run(["umount", str(place)], check=True)
