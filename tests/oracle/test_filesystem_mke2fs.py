"""Compare with `mke2fs -d`: every difference is listed in MKE2FS.md, with its reason."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from pyext4 import write_ext4
from pyext4.host import tree_from_directory
from tests.oracle.geometry_cases import timed
from tests.oracle.judges import complaints
from tests.oracle.mounted import mounted
from tests.oracle.snapshot import differences, snapshot
from tests.oracle_tools import need, need_root

pytestmark = pytest.mark.oracle

DOCUMENT = Path(__file__).parents[2] / "docs" / "MKE2FS.md"
GIVEN = UUID("01234567-89ab-4cde-8f01-23456789abcd")
MIB = 1 << 20

# size, block size, what is changed of the features
PAIRS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "600_mib": (600 * MIB, 4096, ()),
    "64_mib_1k": (64 * MIB, 1024, ()),
    "300_mib_2k": (300 * MIB, 2048, ()),
    "20_gib": (20 << 30, 4096, ()),
    "without_journal": (200 * MIB, 4096, ("^has_journal",)),
    "without_resize_inode": (200 * MIB, 4096, ("^resize_inode",)),
    "without_64bit_and_metadata_csum": (
        200 * MIB,
        4096,
        ("^64bit", "^metadata_csum", "uninit_bg"),
    ),
    "without_dir_index": (200 * MIB, 4096, ("^dir_index",)),
    "metadata_csum_seed": (200 * MIB, 4096, ("metadata_csum_seed",)),
    "orphan_file": (200 * MIB, 4096, ("orphan_file",)),
    "inline_data": (200 * MIB, 4096, ("inline_data",)),
    "ea_inode": (200 * MIB, 4096, ("ea_inode",)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("mke2fs", "dumpe2fs")
    need_root()
    root = tmp_path_factory.mktemp("mke2fs") / "tree"
    (root / "many").mkdir(parents=True)
    for number in range(300):
        (root / f"many/entry-{number}").write_text(f"{number}\n")
    (root / "deep/er").mkdir(parents=True)
    (root / "deep/er/file").write_bytes(b"deep")
    (root / "large").write_bytes(b"large" * 100_000)
    os.setxattr(root / "large", "user.long", b"v" * 600)
    (root / "link").symlink_to("t" * 100)
    os.link(root / "deep/er/file", root / "hard link")
    os.mkfifo(root / "fifo")
    os.chown(root / "large", 70_000, 80_000)
    os.utime(root / "large", ns=(5, 1_600_000_000_123_456_789))
    return root


def pair(name: str, folder: Path, place: Path) -> tuple[Path, Path]:
    """Make both images and return them, theirs first."""
    size_bytes, block_size, features = PAIRS[name]
    theirs, ours = place / "theirs.ext4", place / "ours.ext4"
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-i", "16384"]
    command += ["-b", str(block_size), "-U", str(GIVEN), "-E", f"hash_seed={GIVEN}"]
    command += ["-O", ",".join(features)] if features else []
    command += ["-d", str(folder), str(theirs), f"{size_bytes // 1024}k"]
    subprocess.run(command, check=True, capture_output=True)
    options = timed(
        size_bytes=size_bytes,
        block_size_bytes=block_size,
        features=features,
        uuid=GIVEN,
        hash_seed=GIVEN,
    )
    write_ext4(tree_from_directory(folder), ours, options)
    return theirs, ours


def lines_of(image: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return dumpe2fs's lines by name: of the superblock; of groups, with the group's number."""
    done = subprocess.run(["dumpe2fs", str(image)], check=True, capture_output=True, text=True)
    head, _, groups = done.stdout.partition("\n\n\n")
    return dict(re.findall(r"^([^:\n]+): +(.*)$", head, re.MULTILINE)), dict(_of_groups(groups))


KINDS = re.compile(
    r"(Group (?=\d+:)|Primary superblock|Backup superblock|Reserved GDT blocks|Block bitmap"
    r"|Inode bitmap|Inode table|Free blocks|Free inodes|\d+ free blocks)"
)


def _of_groups(text: str) -> Iterator[tuple[str, str]]:
    group = -1
    for line in text.splitlines():
        if not line.strip():
            continue
        found = KINDS.match(line.strip())
        assert found, line
        kind = found[1].strip().lstrip("0123456789 ")
        group += kind == "Group"
        yield f"{kind} of {group}", line


def differing(theirs: dict[str, str], ours: dict[str, str]) -> set[str]:
    names = theirs.keys() | ours.keys()
    return {name.partition(" of ")[0] for name in names if theirs.get(name) != ours.get(name)}


def documented() -> tuple[set[str], set[str]]:
    """Return the lines that the document names: of the superblock, of groups."""
    _, superblock, groups, _ = DOCUMENT.read_text().split("\n## ")
    rows = [
        set(re.findall(r"^\| ([^|]+?) \| (?!why|---)", part, re.MULTILINE))
        for part in (superblock, groups)
    ]
    return rows[0], rows[1]


@pytest.fixture(scope="module")
def found(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[set[str], set[str]]]:
    """Return what differs in each pair: in the superblock, in groups."""
    out = {}
    for name in PAIRS:
        theirs, ours = map(lines_of, pair(name, folder, tmp_path_factory.mktemp(name)))
        out[name] = differing(theirs[0], ours[0]), differing(theirs[1], ours[1])
    return out


@pytest.mark.parametrize("name", PAIRS)
def test_differences_have_reasons(name: str, found: dict[str, tuple[set[str], set[str]]]) -> None:
    in_superblock, in_groups = documented()
    superblock, groups = found[name]
    assert superblock - in_superblock == set()
    assert groups - in_groups == set()


def test_no_row_of_the_document_is_out_of_date(
    found: dict[str, tuple[set[str], set[str]]],
) -> None:
    in_superblock, in_groups = documented()
    assert in_superblock == set().union(*(superblock for superblock, _ in found.values()))
    assert in_groups == set().union(*(groups for _, groups in found.values()))


@pytest.mark.parametrize("name", ["600_mib", "64_mib_1k", "inline_data"])
def test_both_hold_the_same_tree(name: str, folder: Path, tmp_path: Path) -> None:
    theirs, ours = pair(name, folder, tmp_path)
    assert complaints(ours) == []
    with mounted(theirs, tmp_path / "theirs") as one, mounted(ours, tmp_path / "ours") as other:
        lines = differences(snapshot(one), snapshot(other), frozenset({"mtime_ns"}))
    assert lines == []
