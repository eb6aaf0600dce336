"""Say whether wheels of pyext4 may be released, or whether an installed one works.

`check_wheel.py WHEEL...` looks into the files. `check_wheel.py --installed LAYOUT` runs the
programs of the environment whose Python runs this file, on examples/layout. It needs only the
standard library, so that an environment with nothing but the wheel can run it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

NATIVES = ("flatten/native/_native.abi3.so", "pyext4/native/_native.abi3.so")
INITS = {"pull/guest/init/init-x86_64": 62, "pull/guest/init/init-aarch64": 183}  # e_machine
OTHERS = ("flatten/py.typed", "pull/py.typed", "pyext4/py.typed", "pull/guest/init/init.sh")
NAME = re.compile(
    r"pyext4-[^-]+-(py3-none-any|cp311-abi3-(?:linux|manylinux[0-9_.a-z]*?)_(?:x86_64|aarch64))\.whl"
)
MACHINES = {"x86_64": 62, "aarch64": 183}
GLIBC = (2, 28)  # manylinux_2_28


def faults_of(path: Path) -> list[str]:
    """Return what is wrong with a wheel's name and content; empty if nothing is."""
    if not NAME.fullmatch(path.name):
        return [f"neither py3-none-any nor cp311-abi3-linux: {path.name}"]
    pure = path.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        wanted = [*OTHERS, *INITS, *([] if pure else NATIVES)]
        faults = [f"missing: {name}" for name in wanted if name not in names]
        faults += [f"does not belong here: {name}" for name in sorted(names) if _foreign(name)]
        compiled = sorted(name for name in names if name.endswith(".so"))
        if pure:
            faults += [f"compiled code in a pure wheel: {name}" for name in compiled]
        for name in compiled:
            faults += _faults_of_library(path.stem, name, wheel.read(name))
        for name, machine in INITS.items():
            if name in names and _machine(wheel.read(name)) != machine:
                faults.append(f"for another machine: {name}")
    return faults


def _foreign(name: str) -> bool:
    top = name.split("/", 1)[0]
    ours = top in ("flatten", "pull", "pyext4") or top.endswith((".dist-info", ".data"))
    return not ours or name.endswith((".c", ".h", ".pyc"))


def _machine(program: bytes) -> int:
    return int.from_bytes(program[18:20], "little") if program[:4] == b"\x7fELF" else 0


def _faults_of_library(wheel: str, name: str, library: bytes) -> list[str]:
    faults = []
    if not any(_machine(library) == MACHINES[word] for word in MACHINES if wheel.endswith(word)):
        faults.append(f"for another machine: {name}")
    # the versions of glibc that it needs are strings of its .dynstr
    versions = {found.decode() for found in re.findall(rb"\0GLIBC_([0-9.]+)(?=\0)", library)}
    return faults + [
        f"needs GLIBC_{version}, newer than 2.28: {name}"
        for version in sorted(versions)
        if tuple(map(int, version.split("."))) > GLIBC
    ]


def try_installed(layout: Path, *, native: bool) -> list[str]:
    """Run the programs of this interpreter's installation on the example; return what is wrong."""
    own = distribution("pyext4")
    faults = [
        f"not installed: {file}"
        for file in own.files or []
        if not Path(str(own.locate_file(file))).exists()
    ]
    modules = [[sys.executable, "-m", name] for name in ("pull", "pyext4", "pull.cache")]
    folder = Path(sysconfig.get_path("scripts"))
    scripts = [
        [str(folder / entry.name)] for entry in own.entry_points if entry.group == "console_scripts"
    ]
    backend = "native" if native else "pure"
    with tempfile.TemporaryDirectory() as place:
        for program in (*modules, *scripts):
            said = _said(place, *program, "--version")
            if f"backend: {backend}" not in said:
                faults.append(f"{' '.join(program)} --version said: {said}")
        pull, look, cache = modules
        kept = ["--cache-dir", f"{place}/cache"]
        for command, expected in (
            ([*pull, "--platform", "linux/amd64", *kept, f"oci:{layout}:demo", "a.ext4"], ""),
            ([*pull, "--platform", "linux/amd64", *kept, f"oci:{layout}:demo", "b.ext4"], ""),
            ([*look, "verify", "a.ext4"], ""),
            ([*look, "ls", "-R", "a.ext4"], "etc"),
            ([*cache, *kept, "list"], ""),
        ):
            said = _said(place, *command)
            if expected not in said or said.startswith("status "):
                faults.append(f"{' '.join(command)} said: {said}")
    return faults


def _said(place: str, *command: str) -> str:
    environ = {key: os.environ[key] for key in os.environ if not key.startswith("PYEXT4")}
    environ.pop("PYTHONPATH", None)  # the installation is tried, not a source tree
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=place, env=environ
    )
    said = done.stdout + done.stderr
    return said if done.returncode == 0 else f"status {done.returncode}: {said}"


def main() -> int:
    """Check the wheels, or the installation, that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--installed", action="store_true", help="PATH is a layout to convert")
    parser.add_argument("--native", action="store_true", help="the compiled backend must run")
    asked = parser.parse_args()
    status = 0
    for path in asked.paths:
        if asked.installed:
            faults = try_installed(path.resolve(), native=asked.native)
        else:
            faults = faults_of(path)
        for fault in faults:
            print(f"{path}: {fault}", file=sys.stderr)
        if faults:
            status = 1
        else:
            print(f"{path}: good")
    return status


if __name__ == "__main__":
    sys.exit(main())
