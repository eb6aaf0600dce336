"""The command line: what is refused before anything is done, and how long --help takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pull.command.main import main

ROOT = Path(__file__).parents[3]
USAGE = [
    [],
    ["ref"],
    ["ref", "out", "more"],
    ["--none"],
    ["ref", "out", "--size", "big"],
    ["ref", "out", "--uuid", "x"],
    ["ref", "out", "--jobs", "0"],
    ["ref", "out", "--timeout", "-1"],
    ["ref", "out", "--mirror", "docker.io"],
    ["ref", "out", "--mirror", "docker.io=ftp://x"],
    ["ref", "out", "--password-stdin"],
    ["ref", "out", "--username", "me"],
    ["ref", "out", "--anonymous", "--username", "me", "--password-stdin"],
    ["-", "out", "--username", "me", "--password-stdin"],
    ["ref", "out", "--plat", "linux/amd64"],
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error, advice = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert advice == "try: python -m pull --help"


def test_help_has_examples_and_waits_for_nothing_heavy() -> None:
    program = (
        "import sys\nfrom pull.command.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'requests', 'rich', 'construct', 'cffi', '_cffi_backend', 'isal', 'flatten',"
        " 'pyext4.native', 'pyext4.tree', 'urllib3'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr == "set()\n"
    assert "examples:" in done.stdout
