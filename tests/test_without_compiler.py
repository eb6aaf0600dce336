"""An installation without a compiler succeeds, works, and says which backend it has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.oracle_tools import need
from tests.ordinary_user import CHECKOUT

SOURCES = ("pyext4", "flatten", "pull", "setup.py", "pyproject.toml", "README.md", "LICENSE")
OWN = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def checkout_without_builds(place: Path) -> Path:
    """Copy what is installed; what was compiled before would come along otherwise."""
    place.mkdir()
    for name in SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("*.so", "_native.c", "__pycache__")
            shutil.copytree(source, place / name, ignore=ignored)
        else:
            shutil.copy(source, place / name)
    return place


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize(
    ("python", "compiler"),
    [(OWN, "fails"), ("/usr/bin/python3", "is not on PATH")],
    ids=["own", "debian"],
)
def test_the_main_job(python: str, compiler: str, tmp_path: Path) -> None:
    need("e2fsck")
    environ = {key: os.environ[key] for key in os.environ if not key.startswith("PYEXT4")}
    venv = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", str(venv)], check=True)
    if compiler == "fails":
        environ["CC"] = "/bin/false"
    else:
        environ.pop("CC", None)
        environ["PATH"] = f"{venv}/bin"
    sources = str(checkout_without_builds(tmp_path / "sources"))
    mine = str(venv / "bin/python")
    install = [mine, "-m", "pip", "install", "--quiet", sources]
    subprocess.run(install, check=True, env=environ, stdin=subprocess.DEVNULL)

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [mine, "-m", *arguments],
            check=False,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environ | more,
        )

    for module in ("pull", "pull.cache", "pyext4"):
        assert run(module, "--version").stdout.endswith("backend: pure\n")
    job = ("pull", f"oci:{CHECKOUT}/examples/layout:demo", "demo.ext4", "--platform", "linux/amd64")
    made = run(*job, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["backend"] == "pure"
    assert "backend:  pure" in made.stderr
    e2fsck = ["/usr/sbin/e2fsck", "-fn", str(tmp_path / "demo.ext4")]
    subprocess.run(e2fsck, check=True, capture_output=True)
    assert run("pyext4", "verify", "demo.ext4").returncode == 0

    refused = run(*job, PYEXT4_BACKEND="native")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("error: PYEXT4_BACKEND: native was not built")
