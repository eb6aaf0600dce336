"""Layers on top of a tree from earlier layers: the same result as all of them at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from flatten import LayerError, Spool, flatten
from pyext4.tree import File, Tree
from tests.flatten import tars
from tests.flatten.case_table import Case
from tests.flatten.ledger import Ledger
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import MemoryLayer
from tests.flatten.test_cases import CASES
from tests.flatten.test_merge_model import STACK, packed

SEVERAL = [case for case in CASES if len(case.layers) > 1]


def one_by_one(layers: list[MemoryLayer], store: Ledger | Spool) -> Tree:
    tree = flatten(layers[:1], into=store)
    for layer in layers[1:]:
        assert flatten([layer], into=store, onto=tree) is tree
    return tree


@pytest.mark.parametrize("case", SEVERAL, ids=lambda case: case.name)
def test_the_table_of_cases_one_layer_at_a_time(case: Case) -> None:
    if isinstance(case.outcome, str):
        with pytest.raises(LayerError) as caught:
            one_by_one(list(case.layers), Spool())
        assert case.outcome in str(caught.value)
    else:
        assert listing(one_by_one(list(case.layers), Spool())) == case.outcome


@given(STACK)
@settings(deadline=None)
def test_names_and_books_are_those_of_one_call(stack: list[list[object]]) -> None:
    layers = [tars.layer(*map(packed, entries)) for entries in stack]  # type: ignore[arg-type]
    together, apart = Ledger(), Ledger()
    try:
        wanted = listing(flatten(layers, into=together))
    except LayerError:
        with pytest.raises(LayerError):
            one_by_one(layers, apart)
        return
    tree = one_by_one(layers, apart)
    assert listing(tree) == wanted
    assert apart.history == together.history
    files = {node for node in tree.nodes() if isinstance(node, File) and node.size}
    assert {node.content for node in files} == apart.kept()


def test_a_file_with_two_names_keeps_its_bytes_until_the_last_goes() -> None:
    store = Ledger()
    tree = flatten(
        [tars.layer(tars.file(b"a", b"1"), tars.hardlink(b"b", b"a"))],
        into=store,
    )
    flatten([tars.layer(tars.whiteout(b"a"))], into=store, onto=tree)
    assert listing(tree) == {"b": "file 1"}
    flatten([tars.layer(tars.whiteout(b"b"))], into=store, onto=tree)
    assert listing(tree) == {}
    assert store.kept() == set()


def test_only_the_image_is_the_lowest_layer() -> None:
    tree = flatten([tars.layer(tars.file(b"a", b"1"))])
    flatten([tars.layer(tars.opaque(b""), tars.file(b"b", b"2"))], onto=tree)
    assert listing(tree) == {"b": "file 2"}


def test_a_layer_that_fails_names_itself() -> None:
    tree = flatten([tars.layer(tars.file(b"a", b"1"))])
    damaged = MemoryLayer(blob=b"no tar" * 200)
    with pytest.raises(LayerError) as caught:
        flatten([damaged], onto=tree)
    assert caught.value.digest == damaged.digest
