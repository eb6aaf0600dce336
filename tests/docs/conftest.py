"""A sandbox for each test, in surroundings that are made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.sandbox import Sandbox, Surroundings, surroundings


@pytest.fixture(scope="session")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("docs")) as made:
        yield made


@pytest.fixture
def sandbox(around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return around.sandbox(tmp_path_factory.mktemp("page"))
