"""PYEXT4_BACKEND: every program names its backend, and a missing one gives a one-line error."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyext4.native import BACKEND
from tests.oracle_tools import refuse

ROOT = Path(__file__).parent.parent
LAYOUT = "oci:examples/layout:demo"


def run(*arguments: str, backend: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYEXT4_BACKEND": backend},
    )


@pytest.mark.parametrize("backend", [BACKEND, "pure"])
@pytest.mark.parametrize("module", ["pull", "pull.cache", "pyext4"])
def test_version_says_the_backend(module: str, backend: str) -> None:
    done = run("-m", module, "--version", backend=backend)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("pyext4 ")
    assert done.stdout.endswith(f", backend: {backend}\n")


@pytest.mark.parametrize("backend", ["fast", "Native", "pure,native", "\x1b[31m"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "pull", LAYOUT, "/nonexistent/out.ext4"),
        ("-m", "pull", "-q", LAYOUT, "--list"),
        ("-m", "pull", "--version"),
        ("-m", "pull.cache", "--version"),
        ("-m", "pyext4", "info", "/nonexistent"),
        ("-m", "pyext4", "--version"),
    ],
    ids=" ".join,
)
def test_unknown_backend_is_one_line(arguments: tuple[str, ...], backend: str) -> None:
    done = run(*arguments, backend=backend)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: PYEXT4_BACKEND: must be native or pure, not: ")
    assert line.isprintable()


@pytest.mark.parametrize(
    "program",
    [
        "import pyext4\ntry: pyext4.write_ext4\nexcept pyext4.BackendError as error: print(error)",
        "import pyext4\ntry: pyext4.open_ext4\nexcept pyext4.Ext4Error as error: print(error)",
        "try: import flatten\nexcept ImportError as error: print(type(error).__name__, error)",
    ],
)
def test_unknown_backend_is_an_exception_of_the_library(program: str) -> None:
    done = run("-c", program, backend="fast")
    assert done.stdout.endswith("PYEXT4_BACKEND: must be native or pure, not: fast\n")
    assert done.stderr == ""


# what may stand where the extension belongs, and can't be used: (its name, its bytes)
BROKEN = {
    "cut off": ("_native.abi3.so", b"\x7fELF\x02\x01\x01"),
    "empty": ("_native.abi3.so", b""),
    "of something else": ("_native.py", b"greeting = 'hello'\n"),
    "without what it needs": ("_native.py", b"import no_such_module_as_this\n"),
}
NATIVES = ["pyext4.native", "flatten.native"]


def with_broken_extension(place: Path, broken: str) -> None:
    name, data = BROKEN[broken]
    for package in ("pyext4", "flatten"):
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / package, place / package, ignore=ignored)
        (place / package / "native" / name).write_bytes(data)


@pytest.mark.parametrize("module", NATIVES)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_extension_leaves_the_twin(module: str, broken: str, tmp_path: Path) -> None:
    with_broken_extension(tmp_path, broken)
    program = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport {module} as room\n"
    program += "print(room.__file__)\nprint(room.BACKEND)"
    done = run("-c", program, backend="")
    path, backend = done.stdout.splitlines()
    assert path.startswith(str(tmp_path))
    assert backend == "pure"


@pytest.mark.parametrize("module", NATIVES)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_extension_is_refused_by_name(module: str, broken: str, tmp_path: Path) -> None:
    with_broken_extension(tmp_path, broken)
    program = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
    program += (
        f"try: import {module}\nexcept ImportError as error: print(type(error).__name__, error)"
    )
    done = run("-c", program, backend="native")
    assert done.stderr == ""
    assert done.stdout.startswith(
        "BackendError PYEXT4_BACKEND: native was not built, or can't be loaded: "
    )


def test_compiled_code_does_without_the_twin() -> None:
    """The twin takes the package crc32c along, whose import is a sixth of a small conversion."""
    if importlib.util.find_spec("pyext4.native._native") is None:
        refuse("pyext4.native._native is not built")
    program = "import sys, pyext4.native as room\n"
    program += "print(room.BACKEND, sorted({'crc32c', 'pyext4.native.pure'} & {*sys.modules}))"
    done = run("-c", program, backend="native")
    assert (done.stderr, done.stdout) == ("", "native []\n")
