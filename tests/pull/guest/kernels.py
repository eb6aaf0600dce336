"""Debian's cloud kernels for both architectures, with an initramfs that switches to the first disk.

As in tests/boot/kernel.py, the package is downloaded and unpacked, not installed. Packages for the
other architecture use separate package lists, so dpkg keeps its one architecture.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.boot.kernel import Kernel
from tests.oracle_tools import need
from tests.pull.guest.programs import compiled

__all__ = ["get_guest_kernel"]

# for the disk, the overlay, the network, and the power button: ACPI's driver and the device file
MODULES = ("virtio_pci", "virtio_blk", "overlay", "virtio_net", "button", "evdev")
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


def get_guest_kernel(cache: Path, machine: str) -> Kernel:
    """Download and pack what is not in `cache` yet."""
    need("apt-get", "apt-cache", "dpkg-deb", "cpio")
    place = cache / machine
    kernel = Kernel(image=place / "vmlinuz", initramfs=place / "initramfs")
    unpacked = place / "package"
    if not unpacked.exists():
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place) as work:
            package = _download(Path(work), DEBIAN[machine])
            subprocess.run(["dpkg-deb", "--extract", package, f"{work}/package"], check=True)
            (Path(work) / "package").rename(unpacked)
    (image,) = (unpacked / "boot").glob("vmlinuz-*")
    shutil.copyfile(image, kernel.image)
    _pack(kernel.initramfs, unpacked, machine)  # each time: its init is part of the tests
    return kernel


def _download(place: Path, architecture: str) -> Path:
    """Fetch the package that the meta-package stands for today."""
    (place / "lists/partial").mkdir(parents=True)
    own = [f"APT::Architecture={architecture}", f"APT::Architectures::={architecture}"]
    own += [f"Dir::State::lists={place}/lists", "Dir::State::status=/dev/null"]
    own += [f"Dir::Cache={place}", "APT::Sandbox::User=root"]
    options = [word for option in own for word in ("-o", option)]
    subprocess.run(["apt-get", "-qq", *options, "update"], check=True)
    shown = subprocess.run(
        ["apt-cache", *options, "depends", f"linux-image-cloud-{architecture}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (name,) = re.findall(r"Depends: (linux-image-\S+)", shown)
    subprocess.run(["apt-get", "-qq", *options, "download", name], check=True, cwd=place)
    (package,) = place.glob("*.deb")
    return package


def _pack(archive: Path, unpacked: Path, machine: str) -> None:
    """Make the initramfs: the modules in the order that they need each other, and init."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as work:
        root = Path(work) / "root"
        for folder in ("dev", "proc", "root"):
            (root / folder).mkdir(parents=True)
        modules = {path.stem.replace("-", "_"): path for path in unpacked.rglob("*.ko")}
        (builtin,) = unpacked.rglob("modules.builtin")
        built_in = {Path(line).stem for line in builtin.read_text().split()}
        ordered: list[Path] = []
        for name in MODULES:
            if name not in built_in:
                _with_dependencies(name, modules, ordered)
        for path in ordered:
            shutil.copy(path, root / path.name)
        (root / "modules").write_text("".join(f"/{path.name}\n" for path in ordered))
        shutil.copy(compiled("initramfs", machine, archive.parent), root / "init")
        names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
        command = ["cpio", "--create", "--format=newc", "--quiet", "--owner=0:0"]
        made = subprocess.run(
            command, input=names.encode(), stdout=subprocess.PIPE, check=True, cwd=root
        )
        archive.write_bytes(gzip.compress(made.stdout, 1))


def _with_dependencies(name: str, modules: dict[str, Path], ordered: list[Path]) -> None:
    """Append a module behind those that its own `depends=` line names."""
    path = modules[name]
    if path in ordered:
        return
    (needed,) = re.findall(rb"\0depends=([^\0]*)\0", path.read_bytes())
    for other in filter(None, needed.decode().split(",")):
        _with_dependencies(other, modules, ordered)
    ordered.append(path)
