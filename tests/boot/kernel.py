"""Debian's cloud kernel, and an initramfs that only mounts a virtio disk and switches to it.

The kernel's package is downloaded and unpacked, not installed: the machine that runs the tests
keeps its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.oracle_tools import need

__all__ = ["Initramfs", "Kernel", "get_kernel"]

META_PACKAGE = "linux-image-cloud-amd64"
MODULES = ("virtio_pci", "virtio_blk")  # ext4 is part of this kernel itself

INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "/$module"; done
tries=0
until [ -b /dev/vda ] || [ $tries = 50 ]; do sleep 0.2; tries=$((tries + 1)); done
mount -t ext4 /dev/vda /root || exec sh
umount /proc /sys
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""
APPLETS = ("sh", "mount", "umount", "insmod", "cat", "sleep", "switch_root")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The two files that QEMU boots."""

    image: Path
    initramfs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Initramfs:
    """What is in an initramfs besides busybox."""

    name: str = "initramfs"  # of its file
    init: str = INIT
    applets: tuple[str, ...] = APPLETS
    modules: tuple[str, ...] = MODULES
    programs: tuple[str, ...] = ()  # of this machine, with their libraries


def get_kernel(cache: Path, recipe: Initramfs = Initramfs()) -> Kernel:
    """Download and pack what is not in `cache` yet."""
    need("apt-get", "apt-cache", "dpkg-deb", "cpio", "busybox")
    kernel = Kernel(image=cache / "vmlinuz", initramfs=cache / recipe.name)
    if kernel.initramfs.exists():
        return kernel
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        unpacked = Path(work) / "package"
        package = _download(Path(work))
        subprocess.run(["dpkg-deb", "--extract", str(package), str(unpacked)], check=True)
        (image,) = (unpacked / "boot").glob("vmlinuz-*")
        shutil.copyfile(image, kernel.image)
        archive = _pack(Path(work) / "root", unpacked, recipe)
        archive.rename(kernel.initramfs)
    return kernel


def _download(place: Path) -> Path:
    """Fetch the package that the meta-package stands for today."""
    shown = subprocess.run(
        ["apt-cache", "depends", META_PACKAGE], check=True, capture_output=True, text=True
    ).stdout
    (name,) = re.findall(r"Depends: (linux-image-\S+)", shown)
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name]
    subprocess.run(command, check=True, cwd=place)
    (package,) = place.glob("*.deb")
    return package


def _pack(root: Path, unpacked: Path, recipe: Initramfs) -> Path:
    """Make the initramfs: busybox, the modules in the order that they need each other, init."""
    for program in recipe.programs:
        _with_libraries(program, root)
    for folder in ("bin", "dev", "proc", "sys", "root"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, root / "bin/busybox")
    for applet in recipe.applets:
        (root / "bin" / applet).symlink_to("busybox")
    modules = {path.stem.replace("-", "_"): path for path in unpacked.rglob("*.ko")}
    ordered: list[Path] = []
    for name in recipe.modules:
        _with_dependencies(name, modules, ordered)
    for path in ordered:
        shutil.copy(path, root / path.name)
    (root / "modules").write_text("\n".join(path.name for path in ordered) + "\n")
    (root / "init").write_text(recipe.init)
    (root / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    archive = root.parent / "initramfs"
    with archive.open("wb") as out:
        command = ["cpio", "--create", "--format=newc", "--quiet", "--owner=0:0"]
        subprocess.run(command, input=names.encode(), stdout=out, check=True, cwd=root)
    return archive


def _with_libraries(program: str, root: Path) -> None:
    """Copy a program and the libraries that ldd(1) names to the places where they are here."""
    path = shutil.which(program)
    assert path is not None
    shown = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"(/\S+) \(0x", shown):
        place = root / library.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy(path, root / "bin" / program)


def _with_dependencies(name: str, modules: dict[str, Path], ordered: list[Path]) -> None:
    """Append a module behind those that its own `depends=` line names."""
    path = modules[name]
    if path in ordered:
        return
    (needed,) = re.findall(rb"\0depends=([^\0]*)\0", path.read_bytes())
    for other in needed.decode().split(","):
        if other:
            _with_dependencies(other.replace("-", "_"), modules, ordered)
    ordered.append(path)
