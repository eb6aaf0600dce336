"""Garbage collection goes on as before once a pause is over."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pyext4.collector import no_collection


@pytest.fixture(autouse=True)
def _enabled() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_pause() -> None:
    with no_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_pause_that_an_error_ends() -> None:
    with pytest.raises(KeyError), no_collection():
        raise KeyError
    assert gc.isenabled()


def test_who_has_none_gets_none() -> None:
    gc.disable()
    with no_collection():
        assert not gc.isenabled()
    assert not gc.isenabled()
