"""The table of cases: layers in, tree out, compared with umoci."""

from __future__ import annotations

import pytest

from flatten import LayerError, flatten
from tests.flatten import (
    cases_formats,
    cases_links,
    cases_paths,
    cases_records,
    cases_types,
    cases_whiteouts,
)
from tests.flatten.case_table import Case
from tests.flatten.outputs.listings import listing

CASES: tuple[Case, ...] = (
    *cases_whiteouts.CASES,
    *cases_links.CASES,
    *cases_paths.CASES,
    *cases_types.CASES,
    *cases_formats.CASES,
    *cases_records.CASES,
)


def test_the_table_is_large_and_its_names_differ() -> None:
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    if isinstance(case.outcome, str):
        with pytest.raises(LayerError) as caught:
            flatten(case.layers)
        assert case.outcome in str(caught.value)
        assert caught.value.digest in {layer.digest for layer in case.layers}
    else:
        assert listing(flatten(case.layers)) == case.outcome
    assert all(stream.closed for layer in case.layers for stream in layer.opened)
