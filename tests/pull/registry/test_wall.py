"""One module knows requests, urllib3 and http.client, and what it keeps them from."""

from __future__ import annotations

import ast
import email.utils
import time
import tomllib
from collections.abc import Iterator

import pytest

from pull.registry.options import TransportOptions
from pull.registry.wire import Request, Wire
from tests.house import ROOT, imported_names, imports_of, modules_of
from tests.pull.registry.fake_registry import FakeRegistry, Quirk

WALL = "pull.registry.wire"
BEHIND = ("requests", "urllib3", "http")


def library(imported: str) -> str:
    return imported.partition(".")[0]


def test_one_module_knows_the_libraries() -> None:
    knowing = {entry.importer for entry in imports_of("pull") if library(entry.imported) in BEHIND}
    assert knowing == {WALL}


def test_what_the_wall_imports_is_declared() -> None:
    tree = ast.parse(modules_of("pull")[WALL].read_text())
    imported = {library(name) for _, name in imported_names(tree, WALL, is_package=False)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {text.partition(">")[0] for text in project["dependencies"]}
    assert {"requests", "urllib3"} <= imported & declared


@pytest.fixture(name="registry")
def running_registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


# RFC 9110, section 10.2.3: a number of seconds or a date
@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
    ],
)
def test_retry_after(registry: FakeRegistry, stated: str, expected: float | None) -> None:
    assert asked_to_wait(registry, stated) == expected


def test_retry_after_a_date(registry: FakeRegistry) -> None:
    stated = email.utils.formatdate(time.time() + 100, usegmt=True)
    found = asked_to_wait(registry, stated)
    assert found is not None
    assert 90 < found <= 100


@pytest.mark.parametrize("digits", [10, 100, 5000])
def test_retry_after_for_ever_is_too_long(registry: FakeRegistry, digits: int) -> None:
    found = asked_to_wait(registry, "9" * digits)
    assert found is not None
    assert found > TransportOptions().retry_after_max_seconds


def asked_to_wait(registry: FakeRegistry, stated: str) -> float | None:
    registry.quirks.append(Quirk("/busy", status=503, headers={"Retry-After": stated}))
    wire = Wire(TransportOptions())
    answer = wire.send(Request(method="GET", url=f"http://{registry.address}/busy"))
    answer.finish(1)
    wire.close()
    assert answer.status == 503
    return answer.retry_after_seconds
