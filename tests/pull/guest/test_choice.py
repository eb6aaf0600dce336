"""Which init an image gets."""

from __future__ import annotations

import pytest

from pull.guest.choice import init_for
from pull.guest.init.binary import init_script
from pull.guest.init.errors import NoInitError
from tests.pull.guest.trees import tree_of

SCRIPTABLE = tree_of({"bin/sh": b"\x7fELF", "usr/bin/mount": b"\x7fELF"})


def test_the_script_where_no_init_was_compiled() -> None:
    init = init_for(SCRIPTABLE, "riscv64")
    assert init == init_script()
    assert init.startswith(b"#!/bin/sh\n")


@pytest.mark.parametrize("files", [{}, {"bin/sh": b"1"}, {"bin/mount": b"1"}, {"sh": b"1"}])
def test_neither(files: dict[str, bytes]) -> None:
    with pytest.raises(NoInitError) as caught:
        init_for(tree_of(files), "riscv64")
    assert caught.value.architecture == "riscv64"
