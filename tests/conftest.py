"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ordinary_user import OrdinaryUser, ordinary_user


@pytest.fixture(scope="session")
def user() -> Iterator[OrdinaryUser]:
    """An ordinary user with an installation of this checkout, made once."""
    with ordinary_user() as someone:
        yield someone
