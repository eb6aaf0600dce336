"""What `help()` shows of the public names: each is explained, and each field of the values."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pydoc
import re
from types import ModuleType
from typing import Any

import pytest

import flatten
import pyext4

PACKAGES: tuple[ModuleType, ...] = (pyext4, flatten)
PUBLIC = [  # but aliases of types, which have no help of their own
    (package, name)
    for package in PACKAGES
    for name in package.__all__
    if inspect.isclass(found := getattr(package, name)) or inspect.isfunction(found)
]
VALUES = [
    (package, name)
    for package, name in PUBLIC
    if isinstance(found := getattr(package, name), type)
    and (dataclasses.is_dataclass(found) or hasattr(found, "_fields"))
]


def fields_of(kind: Any) -> list[str]:  # noqa: ANN401  values of two sorts
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return list(kind._fields)


def shown(package: ModuleType, name: str) -> str:
    return pydoc.plain(pydoc.render_doc(getattr(package, name)))


def test_values_are_among_them() -> None:
    names = {name for _, name in VALUES}
    assert {"Options", "VerityOptions", "Metadata", "Written", "Inode", "File", "Limits"} <= names


@pytest.mark.parametrize(("package", "name"), VALUES)
def test_each_field_is_explained(package: ModuleType, name: str) -> None:
    text = shown(package, name)
    silent = [
        field
        for field in fields_of(getattr(package, name))
        if not re.search(rf"^ \| +{field}: \S.{{3,}}", text, re.MULTILINE)
    ]
    assert silent == []


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_each_name_is_explained(package: ModuleType, name: str) -> None:
    own = getattr(package, name).__doc__ or ""
    assert len(own) > 20
    assert not own.startswith(f"{name}(")  # what dataclasses write by themselves


@pytest.mark.parametrize("package", PACKAGES)
def test_progress_says_what_it_is_told(package: ModuleType) -> None:
    text = shown(package, "Progress")
    parameters = [*inspect.signature(package.Progress.__call__).parameters][1:]
    for name in parameters:
        assert name in text
    assert "thread" in text


@pytest.mark.parametrize("name", ["write_ext4", "Ext4Writer"])
def test_threads_and_asyncio_are_told_of(name: str) -> None:
    assert "thread" in shown(pyext4, name)
    assert "asyncio.to_thread" in shown(pyext4, "write_ext4")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: ModuleType) -> None:
    assert sorted(package.__all__) == package.__all__
    assert importlib.import_module(package.__name__) is package
    for name in package.__all__:
        assert hasattr(package, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing
