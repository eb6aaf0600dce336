"""One pass over a real image: its filesystem, tar and manifest agree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.jobs import SOURCES
from tests.oracle.mounted import mounted
from tests.oracle.snapshot import differences, snapshot
from tests.oracle_tools import need, need_file, need_root

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module", params=list(SOURCES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with out.ext4, flat.tar and flat.mtree of one run."""
    layout, tag = SOURCES[str(request.param)]
    need_file(layout, "python -m benchmarks.make_images --layers two")
    work = tmp_path_factory.mktemp("outputs")
    pull = [sys.executable, "-m", "pull", "--cache-dir", str(work / "cache"), f"oci:{layout}:{tag}"]
    outputs = [
        "out.ext4",
        "--tar",
        "flat.tar",
        "--mtree",
        "flat.mtree",
        "--platform",
        "linux/amd64",
    ]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"}
    subprocess.run([*pull, *outputs], cwd=work, env=environment, check=True, capture_output=True)
    return work


@pytest.fixture
def image(made: Path) -> Iterator[Path]:
    with mounted(made / "out.ext4", made / "mounted") as place:
        yield place


def test_tar_unpacked_by_gnu_tar_equals_the_mounted_image(made: Path, image: Path) -> None:
    need("tar")
    need_root()
    (made / "unpacked").mkdir()
    options = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf"]
    unpacking = ["tar", *options, "flat.tar", "-C", "unpacked"]
    subprocess.run(unpacking, cwd=made, check=True, capture_output=True)
    assert differences(snapshot(image), snapshot(made / "unpacked")) == []


def test_mtree_finds_the_mounted_image_as_the_manifest_says(made: Path, image: Path) -> None:
    need("mtree")
    # -e: the filesystem has a lost+found, which is no part of the tree
    checking = ["mtree", "-e", "-f", str(made / "flat.mtree"), "-p", str(image)]
    checked = subprocess.run(checking, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")
