"""The place where the blocks of a page run: a directory, a registry, and programs that reach it.

What a page says stays as it is: `pyext4-pull debian:12 debian.ext4` runs letter for letter. The
programs on the sandbox's PATH ask the sandbox's registry before any other, as `--mirror` has it,
so that no block reaches the network. In Python, where nobody gives `--mirror`, references become
those of that registry.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT, Block
from tests.flatten.tars import directory, file, symlink
from tests.oracle_tools import need
from tests.pull.guest.guest_images import image_of, layout_of
from tests.pull.registry.certificates import make_authority
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import OCI, descriptor, make_index

__all__ = ["Sandbox", "Surroundings", "surroundings"]

SECONDS: Final = 120

# registries that pages name, and images that they pull from there
_HUB: Final = "docker.io"
_HOSTS: Final = (_HUB, "ghcr.io", "registry.example")
_IMAGES: Final = (
    "library/debian:12",
    "library/python:3.12-slim",
    "app:latest",
    "appliance:latest",
    "kata-guest:latest",
    "sshd:latest",
)
_OS_RELEASE: Final = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'
_MODULES: Final = {"pyext4-pull": "pull", "pyext4": "pyext4", "pyext4-cache": "pull.cache"}
_KEY: Final = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEpPYUvYvGkQwLDoIwtmm5hHrkgAwWpD2S2ZQnXhKc0P me\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Where blocks run, one after the other, as the steps of a page."""

    place: Path
    environ: Mapping[str, str]
    address: str

    def run(self, block: Block) -> None:
        """Run a block; AssertionError says what went wrong, and where it stands."""
        if block.language == "python":
            self._run_python(block)
        elif block.language == "console":
            self._run_console(block)
        else:
            done = self._shell(block.text)
            wanted = int(block.fails or 0)
            assert done.returncode == wanted, f"{block.place}: {block.text}{done.stdout}"

    def check_files(self, block: Block) -> None:
        """See that a machine's configuration names files that the page has made."""
        for name in re.findall(r'"(?:kernel_image_path|path_on_host)": "([^"]+)"', block.text):
            assert (self.place / name).exists(), f"{block.place}: {name} was not made"

    def _shell(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            check=False,
            cwd=self.place,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )

    def _run_python(self, block: Block) -> None:
        code = block.text.replace('"debian:12"', f'"{self.address}/library/debian:12"')
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            check=False,
            cwd=self.place,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{block.place}: {done.stdout}"

    def _run_console(self, block: Block) -> None:
        """Run each `$ command` and compare what it prints; a line `...` is any lines."""
        wanted, statuses = int(block.fails or 0), set()
        for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, shown = re.match(r"((?:.*\\\n)*.*\n)((?:.*\n)*)", step).groups()  # type: ignore[union-attr]
            done = self._shell(command)
            statuses.add(done.returncode)
            pattern = re.escape(shown).replace(re.escape("...\n"), "(?:.*\n)*")
            seen = f"{block.place}: {command}{done.stdout}"
            assert re.fullmatch(pattern, done.stdout), seen
            assert done.returncode in {0, wanted}, seen
        assert wanted in statuses, f"{block.place}: no command fails with {wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all sandboxes share: a home, programs, and a registry at this address."""

    place: Path
    address: str

    def sandbox(self, work: Path) -> Sandbox:
        """Make a sandbox in an empty directory."""
        (work / "examples").symlink_to(ROOT / "examples")
        for given in (self.place / "given").iterdir():
            shutil.copy2(given, work)
        environ = {
            "HOME": str(self.place / "home"),
            "LANG": "C.UTF-8",
            "PATH": f"{self.place / 'programs'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "PYTHONPATH": str(ROOT),
            "REGISTRY_TOKEN": "token",
            "ROOT_PASSWORD": "secret",
        }
        return Sandbox(place=work, environ=environ, address=self.address)


@contextmanager
def surroundings(place: Path) -> Iterator[Surroundings]:
    """Make what sandboxes share; the registry answers while the context is open."""
    need("tar", "openssl", "qemu-img", "sfdisk", "veritysetup")
    with FakeRegistry() as registry:
        for name in _IMAGES:
            _serve(registry, *name.split(":"))
        _programs(place / "programs", registry.address)
        _files(place)
        yield Surroundings(place=place, address=registry.address)


def _serve(registry: FakeRegistry, repository: str, tag: str) -> None:
    """Serve a small system for two architectures, with a kernel, under one tag."""
    entries = []
    for architecture in ("amd64", "arm64"):
        image = image_of(
            {"Cmd": ["python3"], "WorkingDir": "/"}, *_MEMBERS, architecture=architecture
        )
        registry.add(repository, image.digest, image)
        platform = {"os": "linux", "architecture": architecture}
        entries.append(descriptor(image.manifest, OCI.manifest, platform=platform))
    registry.add_manifest(repository, tag, make_index(entries), OCI.index)


_MEMBERS: Final = (
    directory(b"boot/"),
    file(b"boot/vmlinuz-6.1.0-1-amd64", b"\x7fELF" + bytes(60)),
    file(b"boot/initrd.img-6.1.0-1-amd64", b"070701" + bytes(100)),
    directory(b"etc/"),
    file(b"etc/os-release", _OS_RELEASE),
    file(b"etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
    file(b"etc/shadow", b"root:*:19000:0:99999:7:::\n", mode=0o640),
    file(b"etc/group", b"root:x:0:\n"),
    directory(b"root/", 0o700),
    directory(b"usr/"),
    directory(b"usr/bin/"),
    file(b"usr/bin/python3", b"\x7fELF" + bytes(2000), mode=0o755),
    symlink(b"bin", b"usr/bin"),
)


def _programs(place: Path, address: str) -> None:
    """Put the installed programs on PATH, and a docker that saves the one image that there is."""
    place.mkdir()
    mirrors = " ".join(f"--mirror {host}=http://{address}" for host in _HOSTS)
    for name, module in _MODULES.items():
        options = f"--platform linux/amd64 {mirrors} " if module == "pull" else ""
        _script(place / name, f'exec {sys.executable} -m {module} {options}"$@"')
    _script(
        place / "python",
        f'if [ "${{1-}} ${{2-}}" = "-m pull" ]; then shift 2; exec pyext4-pull "$@"; fi\n'
        f'exec {sys.executable} "$@"',
    )
    _script(place / "docker", f'[ "$1" = save ] && exec tar -C {place.parent}/layout -c .')


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _files(place: Path) -> None:
    """Put there what a reader brings along."""
    home, given = place / "home", place / "given"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_ed25519.pub").write_text(_KEY)
    given.mkdir()
    layout_of(place / "layout", {"12": image_of({"Cmd": ["python3"]}, *_MEMBERS)})
    with tarfile.open(given / "debian.tar", "w") as archive:
        archive.add(place / "layout", ".")
    _script(given / "init", "exec /bin/sh")
    (given / "password-file").write_text("secret\n")
    shutil.copy(make_authority(place).pair.certificate, given / "ca.pem")
