"""Every code block of the documentation and the README: run where it can be, checked where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks_of
from tests.docs.checking import CHECKED, check
from tests.docs.sandbox import Sandbox

RUN = {"bash", "console", "python", "sh"}  # what is not marked runs
WITH_BLOCKS = [page for page in PAGES if blocks_of(page)]
ALL = [block for page in PAGES for block in blocks_of(page)]


def follow(page: Path, sandbox: Sandbox) -> None:
    """Do what a page says, from its beginning to its end."""
    for block in blocks_of(page):
        if block.language in RUN and not block.needs:
            sandbox.run(block)
        elif block.language == "json":
            sandbox.check_files(block)


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_reader_who_follows_the_page_gets_through(page: Path, sandbox: Sandbox) -> None:
    follow(page, sandbox)


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.place)
def test_block_is_sound(block: Block) -> None:
    assert block.language in CHECKED, f"{block.place}: in no language: {block.language!r}"
    if block.needs or block.language not in RUN:
        check(block)


def test_most_blocks_are_run() -> None:
    run = [block for block in ALL if block.language in RUN and not block.needs]
    assert len(run) > len([block for block in ALL if block.needs])
    assert len(run) >= 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_code_hides_in_indented_lines(page: Path) -> None:
    if page.name == "README.md":
        return  # its `make` targets: tests/test_readme.py
    outside = []
    inside = False
    for line in page.read_text().splitlines():
        inside ^= line.startswith("```")
        outside += [] if inside else [line]
    text = "\n".join(outside)
    assert "\n\n    " not in text
