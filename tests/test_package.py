"""What is released: the sdist is the whole project, and its wheels work without a source tree.

One sdist is made for all tests here, and everything else is built from it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle_tools import need
from tests.ordinary_user import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.oracle]

OWN = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
CHECK = CHECKOUT / "release/check_wheel.py"
LAYOUT = CHECKOUT / "examples/layout"
FOLDERS = ("benchmarks", "docs", "examples", "flatten", "pull", "pyext4", "release", "tests")
BUILT = re.compile(r"__pycache__|\.so$|/_native\.c$|/init-(x86_64|aarch64)$|\.ext4$")


def without_settings() -> dict[str, str]:
    return {key: os.environ[key] for key in os.environ if not key.startswith("PYEXT4")}


def build(source: Path, place: Path, *arguments: str, **more: str) -> Path:
    """Build as `python -m build` does, and return the one file that came out."""
    command = [sys.executable, "-m", "build", *arguments, "--outdir", str(place), str(source)]
    environ = without_settings() | more
    subprocess.run(command, check=True, env=environ, capture_output=True, stdin=subprocess.DEVNULL)
    (made,) = place.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(CHECKOUT, tmp_path_factory.mktemp("sdist"), "--sdist")


@pytest.fixture(scope="module")
def source(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked: what a distribution builds from, without git."""
    place = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    (folder,) = place.iterdir()
    return folder


def files_below(root: Path) -> Iterator[str]:
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not BUILT.search(name):
                yield name


def test_the_sdist_is_the_whole_project(source: Path) -> None:
    assert set(files_below(CHECKOUT)) - set(files_below(source)) == set()
    for pattern in ("*.md", "LICENSE", "Makefile", "*.toml", "*.yml", ".pre-commit-config.yaml"):
        for path in CHECKOUT.glob(pattern):
            assert (source / path.name).exists(), path.name
    built = [str(path) for path in source.rglob("*") if BUILT.search(str(path))]
    assert built == []


def clean_venv(place: Path, python: str, distribution: Path, environ: dict[str, str]) -> str:
    """Install into a new environment; return its Python."""
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    mine = str(place / "bin/python")
    install = [mine, "-m", "pip", "install", "--quiet", "--no-compile", str(distribution)]
    subprocess.run(install, check=True, env=environ, stdin=subprocess.DEVNULL)
    return mine


def checked(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    return done.stdout + done.stderr


def test_the_wheel_is_complete_and_runs_without_the_source(source: Path, tmp_path: Path) -> None:
    need("gcc", "aarch64-linux-gnu-gcc")
    wheel = build(source, tmp_path / "dist", "--wheel", PYEXT4_REQUIRE_NATIVE="1")
    assert re.search(r"-cp311-abi3-linux_\w+\.whl$", wheel.name)
    # what this machine's glibc is too new for is judged where wheels are made for release
    faults = checked(sys.executable, CHECK, wheel).splitlines()
    assert [line for line in faults if "GLIBC" not in line and not line.endswith(": good")] == []
    mine = clean_venv(tmp_path / "venv", OWN, wheel, without_settings())
    assert checked(mine, CHECK, "--installed", "--native", LAYOUT) == f"{LAYOUT}: good\n"


def test_a_pure_wheel_on_request(source: Path, tmp_path: Path) -> None:
    need("gcc", "aarch64-linux-gnu-gcc")
    wheel = build(source, tmp_path, "--wheel", PYEXT4_NO_NATIVE="1")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert checked(sys.executable, CHECK, wheel) == f"{wheel}: good\n"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("pyext4-1-cp311-abi3-linux_x86_64.whl", "missing: pyext4/native/_native.abi3.so"),
        ("pyext4-1-cp311-abi3-manylinux_2_28_aarch64.whl", "missing: flatten/py.typed"),
        ("pyext4-1-py3-none-any.whl", "missing: pull/guest/init/init-aarch64"),
        ("pyext4-1-py3-none-any.whl", "does not belong here: tests/conftest.py"),
        ("pyext4-1-cp311-cp311-linux_x86_64.whl", "neither py3-none-any nor cp311-abi3-linux"),
    ],
)
def test_a_wheel_that_lacks_something_is_refused(name: str, fault: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        wheel.writestr("tests/conftest.py", "")
    assert f"{tmp_path / name}: {fault}" in checked(sys.executable, CHECK, tmp_path / name)


@pytest.mark.parametrize(
    ("python", "compiler"),
    [(OWN, "fails"), ("/usr/bin/python3", "is not on PATH")],
    ids=["own", "debian"],
)
def test_the_main_job_without_a_compiler(
    python: str, compiler: str, sdist: Path, tmp_path: Path
) -> None:
    need("e2fsck")
    venv = tmp_path / "venv"
    environ = without_settings()
    environ.pop("CC", None)
    if compiler == "fails":
        environ["CC"] = "/bin/false"
    else:
        environ["PATH"] = f"{venv}/bin"  # git isn't there either
    mine = clean_venv(venv, python, sdist, environ)
    assert checked(mine, CHECK, "--installed", LAYOUT) == f"{LAYOUT}: good\n"
    (tags,) = venv.glob("lib/*/site-packages/pyext4-*.dist-info/WHEEL")
    assert "Root-Is-Purelib: true\nTag: py3-none-any\n" in tags.read_text()

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [mine, "-m", *arguments],
            check=False,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=without_settings() | more,
        )

    job = ("pull", f"oci:{LAYOUT}:demo", "demo.ext4", "--platform", "linux/amd64")
    made = run(*job, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["backend"] == "pure"
    assert "backend:  pure" in made.stderr
    e2fsck = ["/usr/sbin/e2fsck", "-fn", str(tmp_path / "demo.ext4")]
    subprocess.run(e2fsck, check=True, capture_output=True)

    refused = run(*job, PYEXT4_BACKEND="native")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("error: PYEXT4_BACKEND: native was not built")
