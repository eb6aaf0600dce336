"""The README's examples work as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLE = f"oci:{ROOT}/examples/layout:demo"


def python(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(place / "cache")}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(
        command, check=False, cwd=place, env=environ, capture_output=True, text=True
    )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_library_examples_write_images(tmp_path: Path, number: int) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    code = blocks[number].replace('pull("debian:12")', f'pull("{EXAMPLE}", platform="linux/amd64")')
    code = code.replace('"debian:12", ', f'"{EXAMPLE}", ').replace(
        "filesystem=", 'platform="linux/amd64", filesystem='
    )
    done = python(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    (image,) = tmp_path.glob("*.ext4")
    verified = python(tmp_path, "-m", "pyext4", "verify", str(image))
    assert verified.returncode == 0, verified.stderr


def test_options_are_those_of_the_help(tmp_path: Path) -> None:
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert {"--free", "--size", "--json"} <= named
    shown = python(tmp_path, "-m", "pull", "--help").stdout
    assert {option for option in named if option not in shown} == set()


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^    make ([a-z]+)", README, re.MULTILINE))
    assert targets == {"demo", "test"}
    assert {target for target in targets if f"\n{target}: " not in makefile} == set()


def test_files_that_are_named_exist() -> None:
    named = set(re.findall(r"\b([a-zA-Z/]+\.md)\b", README))
    assert "DESIGN.md" in named
    assert {name for name in named if not (ROOT / name).exists()} == set()
