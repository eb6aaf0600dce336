"""What the programs call themselves, their versions, and what they say to a misspelt word."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flatten
import pull
import pyext4
from pyext4.programs.nearest import nearest
from pyext4.programs.secrets import without_secrets

ROOT = Path(__file__).parents[3]
SCRIPTS = {"pyext4": "pyext4", "pyext4-cache": "pull.cache", "pyext4-pull": "pull"}
OTHER_NAME = "disk-of"
EVERY = pytest.mark.parametrize(
    "called", [*SCRIPTS, "-m pull", "-m pull.cache", "-m pyext4", OTHER_NAME]
)


def run(called: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module, or what stands for a console script: a file of that name."""
    start = [sys.executable, *called.split()]
    if not called.startswith("-m "):
        module = SCRIPTS.get(called, "pull")
        entry = importlib.import_module(f"{module}.__main__").__name__
        code = f"import sys; sys.argv[0] = '/usr/bin/{called}'; from {entry} import program"
        start = [sys.executable, "-c", f"{code}; sys.exit(program())"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*start, *arguments], capture_output=True, text=True, cwd=ROOT, env=environ, check=False
    )


def name_of(called: str) -> str:
    return f"python {called}" if called.startswith("-m ") else called


@pytest.mark.slow
@EVERY
def test_each_calls_itself_as_it_was_called(called: str) -> None:
    name = name_of(called)
    helped = run(called, "--help")
    assert helped.returncode == 0
    assert helped.stdout.startswith(f"usage: {name} ")
    examples = helped.stdout.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) > 3
    assert all(f"{name} " in line for line in examples)
    assert "%(prog)s" not in helped.stdout
    wrong = run(called, "--none-such")
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[1:] == [f"try: {name} --help"]


@pytest.mark.parametrize("called", SCRIPTS)
def test_version(called: str) -> None:
    done = run(called, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(
        r"pyext4 (\S+), Python: (.+), libc: (.+), backend: (native|pure)\n", done.stdout
    )
    assert found is not None
    assert found[1] == pyext4.__version__
    assert found[2] == f"CPython {platform.python_version()}"
    name, _, version = found[3].partition(" ")
    assert (name, version) == platform.libc_ver()


def test_one_version() -> None:
    assert pull.__version__ == flatten.__version__ == pyext4.__version__
    assert importlib.metadata.version("pyext4") == pyext4.__version__


def test_the_version_of_what_nobody_installed(tmp_path: Path) -> None:
    (tmp_path / "pyext4").symlink_to(ROOT / "pyext4")
    code = "import pyext4; print(pyext4.__version__)"
    done = subprocess.run(  # without site-packages
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{pyext4.__version__}\n"


@pytest.mark.parametrize(
    ("called", "words", "meant"),
    [
        ("-m pull", "debian o --platfrom linux/arm64", "--platform"),
        ("-m pull", "--jsn", "--json"),  # though REF is missing too
        ("-m pull", "debian o -json", "--json"),
        ("-m pull", "debian o --cache_dir x", "--cache-dir"),
        ("-m pull", "debian o --plat x", "--platform"),
        ("-m pull", "debian o --QUIET", "--quiet"),
        ("-m pull", "debian o --limit total_byte=3", "total_bytes"),
        ("-m pull", "debian o --profile readonli", "readonly"),
        ("-m pull", "--print-completion bsh", "bash"),
        ("-m pull.cache", "lsit", "list"),
        ("-m pull.cache", "prune --max-sise 3", "--max-size"),
        ("-m pyext4", "inof image", "info"),
        ("-m pyext4", "info image --jsno", "--json"),
        ("-m pyext4", "make --profil compat image", "--profile"),
    ],
)
def test_the_nearest_name_is_said(called: str, words: str, meant: str) -> None:
    done = run(called, *words.split())
    assert done.returncode == 2
    error, advice = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert error.endswith(f"did you mean {meant}?")
    assert error.count("did you mean") == 1
    assert advice.startswith(f"try: {name_of(called)} ")
    assert advice.endswith(" --help")


@pytest.mark.parametrize("words", ["debian o --xyzzy", "debian o more", "debian o -l", ""])
def test_nothing_is_near(words: str) -> None:
    done = run("-m pull", *words.split())
    assert (done.returncode, "did you mean" in done.stderr) == (2, False)


def test_nearest() -> None:
    assert nearest("lst", ["list", "prune"]) == "list"
    assert nearest("ver", ["verify", "version", "list"]) is None  # two begin so
    assert nearest("x" * 100_000, ["list"]) is None
    assert nearest("", ["list"]) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pw@host/a", "https://host/a"),
        ("docker://debian:12@sha256:00", "docker://debian:12@sha256:00"),
        ("https://host/a?sig=x&y", "https://host/a?..."),
        ("https://host/a?...", "https://host/a?..."),
        ("debian:12@sha256:00", "debian:12@sha256:00"),
        ("oci:dir//name@here", "oci:dir//name@here"),
    ],
)
def test_secrets(text: str, expected: str) -> None:
    assert without_secrets(text) == expected
    assert without_secrets(expected) == expected
