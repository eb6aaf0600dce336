"""A guest mounts an image through dm-verity, with the kernel command line that we print.

Debian's kernel has dm-verity as a module and lacks CONFIG_DM_INIT. So the initramfs does its work:
it takes `dm-mod.create=` from the command line and gives it to `dmsetup create --concise`, which
reads the same line (dm-init.rst), and mounts the device that `root=` names.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pyext4 import Options, VerityOptions, write_ext4
from pyext4.verity import Verity, append_verity, kernel_arguments
from tests.boot.console import Console, booted
from tests.boot.kernel import Initramfs, Kernel, get_kernel
from tests.oracle_tools import need
from tests.pyext4.small_trees import file_of, tree_of
from tests.pyext4.verity.hash_areas import data_of

CACHE = Path(__file__).parent.parent.parent / ".images/kernel"

INIT = r"""#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "/$module"; done
tries=0
until [ -b /dev/vda ] || [ $tries = 50 ]; do sleep 0.2; tries=$((tries + 1)); done
line=$(sed -n 's/.*dm-mod.create="\([^"]*\)".*/\1/p' /proc/cmdline)
device=$(sed -n 's/.* root=\([^ ]*\).*/\1/p' /proc/cmdline)
dmsetup create --noudevsync --concise "$line" && mount -t ext4 -o ro "$device" /root
echo "mounted: $?"
echo "from: $(grep ' /root ' /proc/mounts)"
echo "digest: $(sha256sum </root/file)"
dmsetup status
poweroff -f
"""
APPLETS = ("sh", "mount", "insmod", "cat", "sleep", "sed", "grep", "sha256sum", "poweroff")

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

DATA = data_of(2 << 20)


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    need("qemu-system-x86_64", "dmsetup")
    return get_kernel(
        CACHE,
        Initramfs(
            name="initramfs-verity",
            init=INIT,
            applets=APPLETS,
            modules=("virtio_pci", "virtio_blk", "dm_verity"),
            programs=("dmsetup",),
        ),
    )


def make(disk: Path, block_size: int) -> Verity:
    options = Options(
        profile="readonly", block_size_bytes=block_size, verity=VerityOptions(salt=b"salt")
    )
    verity = write_ext4(tree_of(file=file_of(DATA)), disk, options).verity
    assert verity is not None
    return verity


def expect_root(console: Console) -> None:
    assert console.expect(r"mounted: (\d+)", 300)[1] == "0"
    assert console.expect(r"from: (\S+) /root ext4 (\S+)", 60)[1] == "/dev/dm-0"


@pytest.mark.parametrize("block_size", [1024, 4096])
def test_root_is_mounted_and_read(block_size: int, kernel: Kernel, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    line = kernel_arguments(make(disk, block_size), "/dev/vda")
    before = disk.read_bytes()
    with booted(kernel, disk, line) as console:
        expect_root(console)
        assert console.expect(r"digest: (\w+) ", 60)[1] == hashlib.sha256(DATA).hexdigest()
        assert console.expect(r"root: .* verity (\w)", 60)[1] == "V"  # verified, C is corrupted
        console.wait_for_power_off(60)
    assert disk.read_bytes() == before


def test_flipped_bit_is_an_error_to_who_reads_it(kernel: Kernel, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    line = kernel_arguments(make(disk, 4096), "/dev/vda")
    image = bytearray(disk.read_bytes())
    image[image.index(DATA[-4096:]) + 100] ^= 1
    disk.write_bytes(image)
    with booted(kernel, disk, line) as console:
        expect_root(console)
        console.expect("sha256sum: .*: Input/output error", 60)
        assert console.expect(r"root: .* verity (\w)", 60)[1] == "C"
        console.wait_for_power_off(60)


def test_hashed_blocks_larger_than_the_filesystem_s_are_not_mounted(
    kernel: Kernel, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    made = make(disk, 1024)
    verity = append_verity(disk, made.hash_offset, salt=b"salt", uuid=made.uuid, block_size=4096)
    with booted(kernel, disk, kernel_arguments(verity, "/dev/vda")) as console:
        assert console.expect(r"mounted: (\d+)", 300)[1] != "0"
        console.wait_for_power_off(60)


def test_another_root_hash_is_not_mounted(kernel: Kernel, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    verity = make(disk, 4096)
    line = kernel_arguments(verity, "/dev/vda").replace(verity.root_hash.hex(), "00" * 32)
    with booted(kernel, disk, line) as console:
        assert console.expect(r"mounted: (\d+)", 300)[1] != "0"
        console.wait_for_power_off(60)
