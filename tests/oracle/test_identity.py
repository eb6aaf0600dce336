"""Label and UUID as other programs read them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.oracle.jobs import SOURCES
from tests.oracle_tools import need
from tests.ordinary_user import OrdinaryUser

pytestmark = pytest.mark.oracle

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


@pytest.fixture(scope="module")
def image(user: OrdinaryUser) -> Path:
    out = user.home / "identity.ext4"
    layout, tag = SOURCES["example"]
    options = ["--platform", "linux/amd64", "--label", "root file system", "--uuid", UUID]
    # as root: the checkout need not be readable for everyone
    command = [str(user.python), "-m", "pull", f"oci:{layout}:{tag}", str(out), *options]
    subprocess.run(command, check=True, capture_output=True)
    return out


def test_blkid_shows_label_and_uuid(image: Path) -> None:
    need("blkid")
    command = ["blkid", "--probe", "--output", "export", str(image)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    facts = dict(line.split("=", 1) for line in shown.splitlines())
    assert facts["TYPE"] == "ext4"
    assert facts["UUID"] == UUID
    assert facts["LABEL"].replace("\\", "") == "root file system"


def test_tune2fs_shows_label_and_uuid(image: Path) -> None:
    need("tune2fs")
    command = ["tune2fs", "-l", str(image)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    facts = {
        name: value.strip() for name, _, value in (x.partition(":") for x in shown.split("\n"))
    }
    assert facts["Filesystem UUID"] == UUID
    assert facts["Filesystem volume name"] == "root file system"
    assert facts["Filesystem state"] == "clean"
