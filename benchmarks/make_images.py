"""Build real OCI images from Debian packages, for the oracle tests and the benchmarks.

    sudo python -m benchmarks.make_images --layers two|all --out .images/real [--zstd]

makes an OCI layout with the tag `two` (a base system; then python3, git, nodejs, systemd, sshd and
sudo, with a user `demo` whose password is `demo`) and, for `all`, the tag `full` (compilers, a JDK
and npm; Python wheels; then a layer that deletes and replaces). Existing images are left alone.

mmdebstrap makes the base from the package sources that this machine's apt is configured with;
the host's apt installs into the root directory; umoci turns the changes into a layer. It needs
root, because owners, devices and file capabilities are the point of these images.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["main", "make", "tags"]

SYSTEM = (
    "python3 git nodejs systemd systemd-sysv udev dbus openssh-server sudo iputils-ping "
    "libcap2-bin iproute2 ca-certificates less"
)
DEVELOPMENT = "build-essential default-jdk-headless npm cmake gdb clang llvm-dev"
WHEELS = ("numpy", "scipy", "pandas")

# the command has its own mount namespace, so no layer can contain a bind mount
IN_ROOT = 'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; shift; exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStep:
    """One layer: the tag of the image with this layer on top, and the change to the root."""

    tag: str
    change: Callable[[Path], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Build what the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.make_images", description="Build real OCI images from Debian."
    )
    parser.add_argument("--layers", choices=("two", "2", "all"), default="all")
    parser.add_argument("--out", type=Path, default=Path(".images/real"), help="the OCI layout")
    parser.add_argument("--zstd", action="store_true", help="also make a zstd copy: TAG-zstd")
    parser.add_argument(
        "--if-possible", action="store_true", help="succeed even if root or a program is missing"
    )
    args = parser.parse_args(argv)
    missing = [name for name in ("mmdebstrap", "umoci", "skopeo") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        lacking = [*missing, *(["root"] if os.geteuid() != 0 else [])]
        print(f"no real images: building them takes {', '.join(lacking)}", file=sys.stderr)
        return 0 if args.if_possible else 1
    tag = "full" if args.layers == "all" else "two"
    make(args.out, tag)
    if args.zstd:
        recompress(args.out, tag)
    print(f"oci:{args.out}:{tag}")
    return 0


def make(out: Path, tag: str) -> None:
    """Make the image `tag` in the layout `out` unless it exists."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out.parent / f".{out.name}.lock"):
        if tag in tags(out):
            return
        with tempfile.TemporaryDirectory(dir=out.parent, prefix="build-") as build:
            _build(out, tag, Path(build) / "bundle")


def tags(out: Path) -> dict[str, str]:
    """Map the tags of an OCI layout to their digests; empty if there is no layout."""
    index = out / "index.json"
    if not index.exists():
        return {}
    manifests = json.loads(index.read_text())["manifests"] or []
    name = "org.opencontainers.image.ref.name"
    return {
        entry["annotations"][name]: entry["digest"]
        for entry in manifests
        if name in entry.get("annotations", {})
    }


def recompress(out: Path, tag: str) -> None:
    """Add `TAG-zstd`, the same image with zstd layers, to the layout."""
    if f"{tag}-zstd" in tags(out):
        return
    # through an empty layout: skopeo doesn't recompress blobs that the target already has
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="build-") as build:
        copy = ["skopeo", "copy", "--quiet"]
        zstd = ["--dest-compress", "--dest-compress-format=zstd"]
        run([*copy, *zstd, f"oci:{out}:{tag}", f"oci:{build}/zstd:{tag}"])
        run([*copy, f"oci:{build}/zstd:{tag}", f"oci:{out}:{tag}-zstd"])


def _build(out: Path, wanted: str, bundle: Path) -> None:
    """Put one layer after another on the newest existing image."""
    if not (out / "oci-layout").exists():
        run(["umoci", "init", "--layout", str(out)])
    steps = [
        LayerStep(tag="base", change=base_layer),
        LayerStep(tag="two", change=system_layer),
        LayerStep(tag="three", change=development_layer),
        LayerStep(tag="four", change=wheels_layer),
        LayerStep(tag="full", change=replacing_layer),
    ]
    present = tags(out)
    done = max((number for number, step in enumerate(steps, 1) if step.tag in present), default=0)
    if done == 0:
        run(["umoci", "new", "--image", f"{out}:empty"])
    start = steps[done - 1].tag if done else "empty"
    run(["umoci", "unpack", "--image", f"{out}:{start}", str(bundle)])
    for step in steps[done:]:
        print(f"layer {step.tag}", file=sys.stderr, flush=True)
        step.change(bundle / "rootfs")
        repack = ["umoci", "repack", "--refresh-bundle", "--image", f"{out}:{step.tag}"]
        run([*repack, str(bundle)])
        if step.tag == wanted:
            break
    for tag in sorted(tags(out).keys() - {"two", "full", "two-zstd", "full-zstd"}):
        run(["umoci", "rm", "--image", f"{out}:{tag}"])
    run(["umoci", "gc", "--layout", str(out)])


def base_layer(root: Path) -> None:
    """Install Debian's minbase, of the host's release and from its sources."""
    suite = os_release()["VERSION_CODENAME"]
    options = [f"--aptopt={line}" for line in host_apt_options()]
    options.append('--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"')
    run(["mmdebstrap", "--quiet", "--variant=minbase", *options, suite, str(root), *sources(suite)])


def system_layer(root: Path) -> None:
    """Install a small server, a user who may use sudo, and a few rare attributes."""
    apt_install(root, SYSTEM.split())
    run(
        [
            "chroot",
            str(root),
            "useradd",
            "--create-home",
            "--shell=/bin/bash",
            "--groups=sudo",
            "demo",
        ]
    )
    run(["chroot", str(root), "chpasswd"], feed="demo:demo\n")
    (root / "etc/hostname").write_text("demo\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost demo\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    shutil.rmtree(root / "usr/share/doc/perl-base", ignore_errors=True)
    rarities(root / "srv/two")


def development_layer(root: Path) -> None:
    """Install compilers, a JDK and npm: big files and many small ones."""
    apt_install(root, DEVELOPMENT.split())


def wheels_layer(root: Path) -> None:
    """Install wheels for the image's Python, from where this Python's pip gets them."""
    python = max(root.glob("usr/bin/python3.*[0-9]")).name.removeprefix("python")
    target = root / f"usr/local/lib/python{python}/dist-packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    run([*pip, "--python-version", python, "--target", str(target), *WHEELS])


def replacing_layer(root: Path) -> None:
    """Delete, recreate and replace files of lower layers."""
    doc = root / "usr/share/doc"
    kept = {name: (doc / name / "copyright").read_bytes() for name in ("bash", "dpkg", "coreutils")}
    shutil.rmtree(doc)
    doc.mkdir(mode=0o755)
    for name, text in kept.items():
        (doc / name).mkdir()
        (doc / name / "copyright").write_bytes(text)
    with in_root(root) as prefix:
        run([*prefix, "chroot", str(root), "dpkg", "--purge", "--force-depends", "git", "gdb"])
    shutil.rmtree(root / "srv/two")
    (root / "etc/issue.net").unlink()
    (root / "etc/issue.net").symlink_to("issue")
    rarities(root / "srv/full")


def rarities(place: Path) -> None:
    """Make one of everything that copying tools lose, in the new directory `place`."""
    place.mkdir(parents=True)
    for name in ("capable", "owned", "shared", "setuid"):
        (place / name).write_text(f"{name}\n")
    # version 2 capabilities, effective flag, permitted cap_net_raw (bit 13): linux/capability.h
    os.setxattr(
        place / "capable", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
    )
    os.chown(place / "owned", 70_000, 300_000)
    # version 2 entries (tag, permissions, id): owner, user 1000, group, mask, others
    acl = [(0x01, 6, 0xFFFFFFFF), (0x02, 6, 1000), (0x04, 4, 0xFFFFFFFF)]
    acl += [(0x10, 6, 0xFFFFFFFF), (0x20, 4, 0xFFFFFFFF)]
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in acl)
    os.setxattr(place / "shared", "system.posix_acl_access", packed)
    os.setxattr(place / "owned", "user.origin", b"benchmarks")
    os.link(place / "shared", place / "shared-too")
    os.mknod(place / "disk", 0o660 | stat.S_IFBLK, os.makedev(259, 300))
    os.mkfifo(place / "fifo")
    (place / "setuid").chmod(0o4755)
    (place / "symlink-59").symlink_to("x" * 59)
    (place / "symlink-60").symlink_to("x" * 60)
    os.utime(place / "setuid", ns=(1, -1_500_000_001))


def apt_install(root: Path, packages: Sequence[str]) -> None:
    """Install packages into `root` with the host's apt and network, without leaving caches."""
    refuse = root / "usr/sbin/policy-rc.d"
    refuse.write_text("#!/bin/sh\nexit 101\n")
    refuse.chmod(0o755)
    with in_root(root) as prefix, tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write("\n".join([*apt_settings(root), *host_apt_options()]) + "\n")
        config.flush()
        environ = os.environ | {"APT_CONFIG": config.name, "DEBIAN_FRONTEND": "noninteractive"}
        run([*prefix, "apt-get", "-qq", "update"], environ=environ)
        run([*prefix, "apt-get", "-qq", "install", *packages], environ=environ)
    refuse.unlink()
    for cache in ("var/cache/apt", "var/lib/apt/lists", "var/log/apt"):
        for leftover in (root / cache).rglob("*"):
            if leftover.is_file():
                leftover.unlink()


def apt_settings(root: Path) -> list[str]:
    """Configure the host's apt to install into `root`, as mmdebstrap does."""
    return [
        f'Dir "{root}";',
        f'DPkg::Chroot-Directory "{root}";',
        'Dir::Etc::Trusted "/etc/apt/trusted.gpg";',
        'Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";',
        'APT::Sandbox::User "root";',
        'APT::Install-Recommends "false";',
        'APT::Get::Assume-Yes "true";',
        'Acquire::Languages "none";',
        'Dpkg::Use-Pty "false";',
    ]


def host_apt_options() -> list[str]:
    """Collect the host's settings for reaching its package sources: proxies, certificates."""
    dump = subprocess.run(
        ["apt-config", "dump", "--no-empty"], check=True, capture_output=True, text=True
    ).stdout
    wanted = ("proxy", "verify", "cainfo", "sslcert", "sslkey", "retries", "auth")
    lines = (line for line in dump.splitlines() if line.startswith("Acquire::"))
    return [line for line in lines if any(word in line.split(" ")[0].lower() for word in wanted)]


def sources(suite: str) -> list[str]:
    """List the host's apt source files that serve `suite`; mmdebstrap takes both formats."""
    candidates = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    return [
        str(path)
        for path in candidates
        if path.suffix in (".list", ".sources") and path.exists() and suite in path.read_text()
    ]


def os_release() -> dict[str, str]:
    """Read the host's /etc/os-release."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


@contextmanager
def in_root(root: Path) -> Iterator[list[str]]:
    """Yield the command prefix under which `root` has /proc and /dev."""
    yield ["unshare", "--mount", "sh", "-ec", IN_ROOT, "sh", str(root)]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let only one process at a time build."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str], *, feed: str = "", environ: dict[str, str] | None = None) -> None:
    """Run a program, with its output on stderr; raises CalledProcessError if it fails."""
    subprocess.run(command, check=True, stdout=sys.stderr, env=environ, text=True, input=feed)


if __name__ == "__main__":
    sys.exit(main())
