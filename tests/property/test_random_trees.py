"""Random trees, written in random ways, come back as they were.

300 trees in an ordinary run; PYEXT4_EXAMPLES=3000 for more.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings

from pyext4 import Options, Tree, open_ext4, write_ext4
from tests.oracle_tools import need, need_root
from tests.property.tree_judges import e2fsck_is_silent, reader_gives_the_tree_back
from tests.property.tree_strategies import options, trees
from tests.pyext4.reader.ext4_images import mounted, seen_by_kernel, seen_by_reader

EXAMPLES = int(os.environ.get("PYEXT4_EXAMPLES", "300"))


HOW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 300,  # an ordinary run is the same each time
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,  # each example replaces the image
    ],
)


@pytest.mark.oracle
@HOW
@given(tree=trees(), how=options())
def test_a_tree_comes_back(tree: Tree, how: Options, tmp_path: Path) -> None:
    need("e2fsck", "debugfs")
    image = tmp_path / "random.ext4"
    written = write_ext4(tree, image, how)
    event(f"{written.block_size_bytes} bytes a block")
    assert image.stat().st_size == written.size_bytes
    e2fsck_is_silent(image)
    reader_gives_the_tree_back(image, tree)


@pytest.mark.oracle
@settings(HOW, max_examples=EXAMPLES // 10)
@given(tree=trees(), how=options())
def test_the_kernel_finds_every_name(tree: Tree, how: Options, tmp_path: Path) -> None:
    need_root()
    need("mount")
    image = tmp_path / "random.ext4"
    write_ext4(tree, image, how)
    with mounted(image) as root:
        by_kernel = seen_by_kernel(root)
    with open_ext4(image) as reader:
        assert seen_by_reader(reader) == by_kernel
