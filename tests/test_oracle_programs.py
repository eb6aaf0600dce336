"""Every program that a test asks for is one that tests/oracle/install.sh installs."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent

# in Debian's essential packages, so nothing has to install them
ESSENTIAL = {
    "mount",
    "umount",
    "cp",
    "sh",
    "tar",
    "chroot",
    "losetup",
    "apt-get",
    "apt-cache",
    "dpkg-deb",
}


def asked_for() -> dict[str, str]:
    """Map each literal argument of `need(...)` to the file that has it."""
    found: dict[str, str] = {}
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "need":
                found |= {
                    argument.value: path.name
                    for argument in node.args
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    return found


def installed() -> set[str]:
    lines = (TESTS / "oracle/install.sh").read_text().splitlines()
    words = " ".join(lines).replace('"', " ").split()
    programs = {word.split("=")[-1].partition(":")[0] for word in words if ":" in word}
    return programs | ESSENTIAL


# programs that come with one that is looked for: the same Debian package has them
SIBLINGS = {
    "debugfs": "e2fsck",
    "dumpe2fs": "e2fsck",
    "resize2fs": "e2fsck",
    "tune2fs": "e2fsck",
    "blkid": "mount",
    "getfacl": "setfacl",
    "setfattr": "getfattr",
    "getcap": "setcap",
    "qemu-io": "qemu-img",
    "findmnt": "mount",
    "ssh-keygen": "ssh",
}


def test_install_script_knows_every_program() -> None:
    programs = installed()
    unknown = {
        name: where
        for name, where in asked_for().items()
        if SIBLINGS.get(name, name) not in programs
    }
    assert unknown == {}
