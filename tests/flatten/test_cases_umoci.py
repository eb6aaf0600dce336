"""The table of cases again, through `umoci unpack`, the only other tool that keeps everything.

If the table says that umoci differs, it must differ: a reason must not outlive its difference.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.flatten.case_table import Case
from tests.flatten.oci_layouts import write_layout
from tests.flatten.outputs.listings import listing_of_directory
from tests.flatten.test_cases import CASES
from tests.oracle_tools import need, need_root

pytestmark = pytest.mark.oracle

TREES = {
    f"case{number}": case for number, case in enumerate(CASES) if isinstance(case.outcome, dict)
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cases") / "layout"
    write_layout(directory, {tag: case.layers for tag, case in TREES.items()})
    return directory


@pytest.mark.parametrize(
    ("tag", "case"), [pytest.param(tag, case, id=case.name) for tag, case in TREES.items()]
)
def test_umoci_agrees(layout: Path, tmp_path: Path, tag: str, case: Case) -> None:
    need("umoci")
    need_root()
    assert isinstance(case.outcome, dict)
    bundle = tmp_path / "bundle"
    ran = subprocess.run(
        ["umoci", "unpack", "--image", f"{layout}:{tag}", bundle],
        capture_output=True,
        text=True,
        check=False,
    )
    timed = frozenset(name for name, line in case.outcome.items() if "mtime=" in line)
    unpacked = (
        listing_of_directory(bundle / "rootfs", times_of=timed) if not ran.returncode else None
    )
    shutil.rmtree(bundle, ignore_errors=True)
    if case.umoci:
        assert unpacked != case.outcome
    else:
        assert unpacked == case.outcome, ran.stderr
