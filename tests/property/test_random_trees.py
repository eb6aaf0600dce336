"""Random trees, written in random ways, come back as they were.

300 trees in an ordinary run; PYEXT4_EXAMPLES=3000 for more.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings

from pyext4 import Options, Tree, write_ext4
from tests.oracle_tools import need
from tests.property.tree_judges import e2fsck_is_silent, reader_gives_the_tree_back
from tests.property.tree_strategies import options, trees

EXAMPLES = int(os.environ.get("PYEXT4_EXAMPLES", "300"))


@pytest.mark.oracle
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 300,  # an ordinary run is the same each time
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,  # each example replaces the image
    ],
)
@given(tree=trees(), how=options())
def test_a_tree_comes_back(tree: Tree, how: Options, tmp_path: Path) -> None:
    need("e2fsck", "debugfs")
    image = tmp_path / "random.ext4"
    written = write_ext4(tree, image, how)
    event(f"{written.block_size_bytes} bytes a block")
    assert image.stat().st_size == written.size_bytes
    e2fsck_is_silent(image)
    reader_gives_the_tree_back(image, tree)
