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
FOLDERS = ("benchmarks", "docs", "examples", "flatten", "man", "pull", "pyext4", "release", "tests")
UV = str(Path(sys.executable).with_name("uv"))  # as pip does, in a tenth of the time
BUILT = re.compile(r"__pycache__|\.so$|/_native\.c$|/init-(x86_64|aarch64)$|\.ext4$")


def without_settings() -> dict[str, str]:
    return {key: os.environ[key] for key in os.environ if not key.startswith("PYEXT4")}


def build(source: Path, place: Path, *arguments: str, **more: str) -> Path:
    """Build as `python -m build` does, and return the one file that came out."""
    command = [sys.executable, "-m", "build", "--installer=uv", *arguments]
    command += ["--outdir", str(place), str(source)]
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
    mine = str(place / "bin/python")
    subprocess.run([UV, "venv", "--quiet", "--python", python, str(place)], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", mine, "--refresh-package", "pyext4"]
    subprocess.run([*install, str(distribution)], check=True, env=environ)
    return mine


def checked(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with compiled code; what was compiled stays in the source's build/."""
    need("gcc", "aarch64-linux-gnu-gcc")
    return build(source, tmp_path_factory.mktemp("wheel"), "--wheel", PYEXT4_REQUIRE_NATIVE="1")


def test_the_wheel_is_complete_and_runs_without_the_source(wheel: Path, tmp_path: Path) -> None:
    assert re.search(r"-cp311-abi3-linux_\w+\.whl$", wheel.name)
    # what this machine's glibc is too new for is judged where wheels are made for release
    faults = checked(sys.executable, CHECK, wheel).splitlines()
    assert [line for line in faults if "GLIBC" not in line and not line.endswith(": good")] == []
    mine = clean_venv(tmp_path / "venv", OWN, wheel, without_settings())
    assert checked(mine, CHECK, "--installed", "--native", LAYOUT) == f"{LAYOUT}: good\n"


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize(("name", "value"), [("CC", "/bin/false"), ("PYEXT4_NO_NATIVE", "1")])
def test_without_compiled_code_the_wheel_is_for_every_machine(
    name: str, value: str, source: Path, tmp_path: Path
) -> None:
    for header in ("flatten/native/scan.h", "pyext4/native/native.h"):
        (source / header).touch()  # what was compiled before is out of date
    pure = build(source, tmp_path, "--wheel", **{name: value})
    assert pure.name.endswith("-py3-none-any.whl")
    assert checked(sys.executable, CHECK, pure) == f"{pure}: good\n"


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
