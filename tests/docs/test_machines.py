"""QEMU takes the command lines of all pages, and the quick start boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.boot.kernel import Kernel
from tests.docs.blocks import PAGES, ROOT, blocks_of
from tests.docs.machines import boot, give_kernel, look_at, machines_in
from tests.docs.sandbox import Sandbox
from tests.docs.test_blocks import follow
from tests.pull.guest.kernels import get_guest_kernel

pytestmark = [pytest.mark.slow, pytest.mark.oracle]
INDEX = ROOT / "docs/index.md"
QEMU = ROOT / "docs/running/qemu.md"


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    return get_guest_kernel(ROOT / ".images/guest", "x86_64")


def test_pages_have_machines() -> None:
    found = [page for page in PAGES for block in blocks_of(page) for _ in machines_in(block)]
    assert {INDEX, QEMU} <= set(found)
    assert len(found) >= 7


@pytest.mark.parametrize("page", [INDEX, QEMU], ids=["index", "qemu"])
def test_qemu_takes_the_machines_of_a_page(page: Path, sandbox: Sandbox, kernel: Kernel) -> None:
    follow(page, sandbox)
    give_kernel(sandbox, kernel)
    for block in blocks_of(page):
        for words in machines_in(block):
            look_at(words, block, sandbox)


def test_machine_that_is_wrong_is_noticed(sandbox: Sandbox, kernel: Kernel) -> None:
    give_kernel(sandbox, kernel)
    (block, *_) = [block for block in blocks_of(INDEX) if list(machines_in(block))]
    (words,) = machines_in(block)  # its app.ext4 was not made
    with pytest.raises(AssertionError, match=r"app\.ext4"):
        look_at(words, block, sandbox)


def test_quick_start_boots(sandbox: Sandbox, kernel: Kernel) -> None:
    follow(INDEX, sandbox)
    give_kernel(sandbox, kernel)
    ((block, words),) = [
        (block, words) for block in blocks_of(INDEX) for words in machines_in(block)
    ]
    console = boot(words, block, sandbox)
    assert "Linux version 6" in console
    assert "exit status" in console  # of the entry point, which is a stub
