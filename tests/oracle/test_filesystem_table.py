"""The table of the filesystem: every row is judged by e2fsck and, path by path, by the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyext4 import Ext4Writer, Metadata
from tests.oracle import cases_attributes, cases_directories, cases_files, cases_inodes
from tests.oracle.filesystem_cases import Case
from tests.oracle.judges import complaints, features
from tests.oracle.mounted import mounted
from tests.oracle.tree_facts import differences, told_by_kernel, told_by_tree

pytestmark = pytest.mark.oracle

TABLES = {
    "directories": cases_directories.CASES,
    "attributes": cases_attributes.CASES,
    "files": cases_files.CASES,
    "inodes": cases_inodes.CASES,
}
ROWS = [
    pytest.param(case, id=f"{table}-{name}", marks=[pytest.mark.slow] if case.slow else [])
    for table, cases in TABLES.items()
    for name, case in cases.items()
]


@pytest.mark.parametrize("case", ROWS)
def test_row(case: Case, tmp_path: Path) -> None:
    image = tmp_path / "image.ext4"
    with Ext4Writer(image, case.options, expected_bytes=case.expected_bytes) as writer:
        made = case.build(writer.store)
        writer.commit(made.tree)
    assert complaints(image) == []
    if case.features is not None:
        assert case.features == features(image) & {"ea_inode"}
    lost_and_found = Metadata(mode=0o700, mtime_ns=case.options.timestamp * 10**9)
    with mounted(image, tmp_path / "mnt") as root:
        told = told_by_kernel(root)
    assert differences(told_by_tree(made.tree, lost_and_found, made.pieces), told)[:20] == []
    image.unlink()
