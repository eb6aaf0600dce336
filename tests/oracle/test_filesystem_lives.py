"""Fill, empty, grow, shrink and change a filesystem, and rename in it: it is always clean."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from pyext4 import Directory, Metadata, Options, Tree, write_ext4
from pyext4.tree import Node
from tests.oracle.filesystem_cases import directory, plain
from tests.oracle.geometry_cases import timed
from tests.oracle.judges import complaints, features
from tests.oracle.mounted import mounted
from tests.oracle_tools import need

pytestmark = pytest.mark.oracle

MIB = 1 << 20
UUID_GIVEN = UUID("01234567-89ab-4cde-8f01-23456789abcd")
HOWS: dict[str, Options] = {
    "default": timed(free_bytes=24 * MIB, inodes=8000),
    "1k": timed(free_bytes=24 * MIB, inodes=8000, block_size_bytes=1024),
    "compat": timed(free_bytes=24 * MIB, inodes=8000, profile="compat", features=("ea_inode",)),
    "inline_orphan": timed(
        free_bytes=24 * MIB, inodes=8000, features=("inline_data", "orphan_file")
    ),
    "no_journal": timed(free_bytes=24 * MIB, inodes=8000, features=("^has_journal",)),
}


def tree() -> Tree:
    """Make a tree with an indexed directory, attributes shared and alone, and a large file."""
    many: dict[bytes, Node] = {b"entry-%d" % n: plain(b"%d" % n) for n in range(3000)}
    shared = ((b"user.shared", b"s" * 300),)
    return Tree(
        Directory(
            Metadata(mode=0o755),
            {
                b"many": directory(many),
                b"large": plain(b"large" * 400_000),
                **{b"shared-%d" % n: plain(b"x", xattrs=shared) for n in range(10)},
                b"value": plain(b"v", xattrs=((b"user.large", b"L" * 9000),)),
            },
        )
    )


@pytest.fixture(params=HOWS)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = tmp_path / "image.ext4"
    write_ext4(tree(), place, HOWS[request.param])
    return place


def run(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def fill(root: Path) -> int:
    """Write files until there is no room; return how many bytes went in."""
    written = 0
    for number in range(100_000):
        try:
            with (root / f"fill-{number}").open("wb", buffering=0) as file:
                for _ in range(8):
                    written += file.write(b"f" * 65536)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return written
    pytest.fail("it never got full")


def names(folder: Path) -> Iterator[str]:
    return iter(sorted(os.listdir(folder)))


def test_filled_and_emptied(image: Path, tmp_path: Path) -> None:
    with mounted(image, tmp_path / "mnt", "rw") as root:
        assert fill(root) > 20 * MIB
        os.sync()
    assert complaints(image) == []
    with mounted(image, tmp_path / "mnt", "rw") as root:
        for name in names(root):
            if name.startswith("fill-"):
                (root / name).unlink()
        (root / "large").unlink()
        assert fill(root) > 20 * MIB
    assert complaints(image) == []


def test_renames_in_an_indexed_directory(image: Path, tmp_path: Path) -> None:
    with mounted(image, tmp_path / "mnt", "rw") as root:
        many = root / "many"
        for number, name in enumerate(names(many)):
            if number % 3 == 0:
                (many / name).rename(many / f"renamed {name}")
            elif number % 3 == 1:
                (many / name).unlink()
        for number in range(2000):
            (many / f"new-{number}").write_text(f"{number}")
        (root / "elsewhere").mkdir()
        for number, name in enumerate(names(many)):
            if number % 5 == 0:
                (many / name).rename(root / "elsewhere" / name)
    assert complaints(image) == []
    with mounted(image, tmp_path / "mnt") as root:
        assert (root / "elsewhere/new-0").exists() or (root / "many/new-0").exists()
        assert len(os.listdir(root / "many")) + len(os.listdir(root / "elsewhere")) == 4000


def test_attributes_change(image: Path, tmp_path: Path) -> None:
    need("setfacl", "getfacl", "setcap", "getcap")
    with mounted(image, tmp_path / "mnt", "rw") as root:
        for number in range(5):  # others go on sharing the block
            os.setxattr(root / f"shared-{number}", "user.shared", b"changed %d" % number * 20)
        os.removexattr(root / "shared-6", "user.shared")
        os.removexattr(root / "value", "user.large")
        run("setfacl", "-m", "u:1000:rw,g:70000:r", root / "large")
        run("setfacl", "-d", "-m", "u:1000:rwx", root / "many")
        run("setcap", "cap_net_raw+ep", root / "shared-7")
    assert complaints(image) == []
    with mounted(image, tmp_path / "mnt") as root:
        assert "user:1000:rw-" in run("getfacl", "-n", "-p", root / "large")
        assert "cap_net_raw=ep" in run("getcap", root / "shared-7")
        assert os.getxattr(root / "shared-9", "user.shared") == b"s" * 300


def size_of(image: Path) -> int:
    found = re.search(r"^Block count: +(\d+)", run("dumpe2fs", "-h", image), re.MULTILINE)
    assert found
    return int(found[1])


def test_grows_offline_and_shrinks(image: Path) -> None:
    need("resize2fs")
    before = size_of(image)
    with image.open("r+b") as file:
        file.truncate(300 * MIB)
    run("resize2fs", image)
    assert complaints(image) == []
    grown = size_of(image)
    assert grown > 2 * before
    run("e2fsck", "-fy", image)  # resize2fs asks for it
    run("resize2fs", "-M", image)
    assert complaints(image) == []
    assert size_of(image) < grown


def test_tune2fs_takes_the_journal_away_and_gives_one(image: Path) -> None:
    need("tune2fs")
    if "has_journal" in features(image):
        run("tune2fs", "-O", "^has_journal,^orphan_file", image)
        assert "has_journal" not in features(image)
        assert complaints(image) == []
    run("tune2fs", "-O", "has_journal", image)
    assert "has_journal" in features(image)
    assert complaints(image) == []


def test_e2fsck_rebuilds_the_directories(image: Path, tmp_path: Path) -> None:
    need("e2fsck")
    done = subprocess.run(["e2fsck", "-fyD", str(image)], check=False, capture_output=True)
    assert done.returncode in (0, 1)  # 1: it has changed what it was asked to
    assert complaints(image) == []
    with mounted(image, tmp_path / "mnt") as root:
        assert (root / "many/entry-2999").read_bytes() == b"2999"


def test_tune2fs_and_blkid_show_label_and_uuid(tmp_path: Path) -> None:
    need("tune2fs", "blkid")
    image = tmp_path / "image.ext4"
    write_ext4(tree(), image, timed(label=b"label", uuid=UUID_GIVEN))
    shown = run("tune2fs", "-l", image)
    assert re.search(rf"^Filesystem UUID: +{UUID_GIVEN}$", shown, re.MULTILINE)
    assert re.search(r"^Filesystem volume name: +label$", shown, re.MULTILINE)
    facts = run("blkid", "-p", "-o", "export", image).splitlines()
    assert {f"UUID={UUID_GIVEN}", "TYPE=ext4", "LABEL=label"} <= set(facts)
