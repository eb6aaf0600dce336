"""What a run does not import: most of them use few of the options, and imports take the longest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pyext4.native import BACKEND
from tests.house import ROOT

LAYOUT = f"oci:{ROOT}/examples/layout:demo"

# whatever is not asked for, and what reaches registries
NOT_FOR_A_LAYOUT = {
    "base64",
    "flatten.host_layers",
    "flatten.outputs",
    "flatten.text_layer",
    "pull.cache.checkpoints",
    "pull.changes.apply",
    "pull.command.reuse",
    "pull.fetch.download",
    "pull.guest.prepare",
    "pull.local.archive_files",
    "pull.local.compression",
    "pull.registry.credentials",
    "pull.registry.options",
    "pull.report.sizes",
    "pyext4.checkpoint",
    "pyext4.image.in_place",
    "pyext4.qcow2",
    "pyext4.reader",
    "pyext4.verity",
    "requests",
    "rich",
}
NOT_FOR_HELP = {*NOT_FOR_A_LAYOUT, "construct", "flatten", "platformdirs", "pyext4.tree", "uuid"}


def imported(*arguments: str | Path) -> set[str]:
    program = (
        "import sys\n"
        "from pull.command.main import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "finally:\n"
        "    print('\\n'.join(['', '-', *sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.partition("\n-\n")[2].split())


def test_a_plain_conversion(tmp_path: Path) -> None:
    output = tmp_path / "out.ext4"
    found = imported(LAYOUT, output, "--reuse", "never", "--cache-dir", tmp_path / "cache")
    assert output.exists()
    assert "pyext4.writing.writer" in found
    # the crc32c package, which the pure backend takes, imports base64
    assert found & NOT_FOR_A_LAYOUT == ({"base64"} if BACKEND == "pure" else set())


def test_help() -> None:
    found = imported("--help")
    assert "pull.command.arguments" in found
    assert found & NOT_FOR_HELP == set()
