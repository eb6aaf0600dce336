"""Random stacks of layers: the naive model, both backends and the store's books agree."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatten import LayerError, flatten
from flatten.native import BACKEND
from pyext4.tree import File
from tests.flatten import tars
from tests.flatten.ledger import Ledger
from tests.flatten.naive_model import Entry, ModelError, merge
from tests.flatten.outputs.listings import listing

# The merge is the same code on both backends: the pure one needs no second large run.
STACKS = int(os.environ.get("FLATTEN_STACKS", "2000" if BACKEND == "native" else "300"))

# Few names, or nothing ever meets
PATHS = st.sampled_from(["a", "b", "c", "a/a", "a/b", "b/a", "b/c", "a/a/b", "a/b/a"])
TARGETS = st.one_of(
    PATHS,
    PATHS.map("/{}".format),
    PATHS.map("../{}".format),
    st.sampled_from([".", "..", "/", "a/..", "x"]),
)
MODES = st.sampled_from([0o644, 0o600])
ENTRIES = st.one_of(
    st.builds(Entry, st.just("file"), PATHS, st.sampled_from(["", "1", "2" * 700]), MODES),
    st.builds(Entry, st.just("dir"), PATHS, st.just(""), st.sampled_from([0o755, 0o700])),
    st.builds(Entry, st.just("link"), PATHS, TARGETS, st.just(0o777)),
    st.builds(Entry, st.just("hard"), PATHS, PATHS),
    st.builds(Entry, st.just("fifo"), PATHS, st.just(""), MODES),
    st.builds(Entry, st.just("whiteout"), PATHS),
    st.builds(Entry, st.just("opaque"), PATHS),
)
STACK = st.lists(st.lists(ENTRIES, min_size=1, max_size=6), min_size=2, max_size=4)


def packed(entry: Entry) -> bytes:
    path, text = entry.path.encode(), entry.text.encode()
    made = {
        "whiteout": lambda: tars.whiteout(path),
        "opaque": lambda: tars.opaque(path),
        "file": lambda: tars.file(path, text, mode=entry.mode),
        "dir": lambda: tars.directory(path, entry.mode),
        "link": lambda: tars.symlink(path, text),
        "hard": lambda: tars.hardlink(path, text),
        "fifo": lambda: tars.member(path, b"6", mode=entry.mode),
    }
    return made[entry.kind]()


def merged(stack: list[list[Entry]]) -> dict[str, str] | str:
    try:
        return merge(stack)
    except ModelError as error:
        return str(error)


@given(STACK)
@settings(max_examples=STACKS, deadline=None)
def test_the_naive_model_agrees(stack: list[list[Entry]]) -> None:
    layers = [tars.layer(*map(packed, entries)) for entries in stack]
    ledger = Ledger()
    wanted = merged(stack)
    if isinstance(wanted, str):
        with pytest.raises(LayerError) as caught:
            flatten(layers, into=ledger)
        assert caught.value.reason == wanted
        return
    tree = flatten(layers, into=ledger)
    assert listing(tree) == wanted
    files = {node for node in tree.nodes() if isinstance(node, File) and node.size}
    assert {node.content for node in files} == ledger.kept()
