"""The directions in which modules may import, read from the sources with ast.

`pull` -> `flatten` -> `pyext4`, one way, as DESIGN.md draws it; and the two libraries that belong
in one room each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pull", "flatten", "pyext4")

# the modules that may know all three packages
JOINERS = (
    "pull.command",
    "pull.__main__",
    "pull.process.backends",
    "pull.process.program",
    "pull.guest",
)

# the error above the errors of all three packages
ABOVE_ERRORS = "pyext4.failure"

# what flatten may know of pyext4: the model and the interface of the content store
SHARED = ("pyext4.tree", "pyext4.content")

# construct parses and builds what exists once an image; per-inode work goes through packers
CONSTRUCT_ROOMS = ("pyext4.ondisk", "pyext4.packer", "pyext4.reader", "pyext4.writing.writer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name: who imports, at which line, what (`package.module.name`)."""

    importer: str
    line: int
    imported: str

    def within(self, *modules: str) -> bool:
        return any(_is_in(self.imported, module) for module in modules)

    def by(self, *modules: str) -> bool:
        return any(_is_in(self.importer, module) for module in modules)

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def _is_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def imports_of(package: str) -> list[Import]:
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        for line, imported in _imported(ast.parse(path.read_text()), name, is_package=is_package):
            found.append(Import(importer=name, line=line, imported=imported))
    return found


def _imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = module.split(".")
                above = above[: len(above) - node.level + is_package]
                origin = ".".join([*above, *filter(None, [origin])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def offenders(package: str, forbidden: tuple[str, ...], excused: tuple[str, ...]) -> list[str]:
    return [
        str(entry)
        for entry in imports_of(package)
        if entry.within(*forbidden) and not entry.by(*excused) and not entry.within(ABOVE_ERRORS)
    ]


def test_pyext4_knows_neither_of_the_others() -> None:
    assert offenders("pyext4", ("flatten", "pull"), ()) == []


def test_flatten_knows_the_tree_and_the_content_store_only() -> None:
    assert offenders("flatten", ("pull",), ()) == []
    known = [entry for entry in imports_of("flatten") if entry.within("pyext4")]
    assert known, "flatten fills pyext4's tree"
    assert [str(entry) for entry in known if not entry.within(*SHARED, ABOVE_ERRORS)] == []


def test_only_the_joiners_of_pull_know_the_others() -> None:
    assert offenders("pull", ("flatten", "pyext4"), JOINERS) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_cffi_stays_in_the_native_rooms(package: str) -> None:
    assert offenders(package, ("cffi", "_cffi_backend"), (f"{package}.native",)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_compiled_modules_are_named_in_the_native_rooms_only(package: str) -> None:
    compiled = tuple(f"{name}.native._native" for name in PACKAGES)
    assert offenders(package, compiled, (f"{package}.native",)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_construct_stays_where_structures_are_declared(package: str) -> None:
    assert offenders(package, ("construct",), CONSTRUCT_ROOMS) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_know_nothing_of_what_stands_around_them(package: str) -> None:
    assert offenders(package, ("tests", "benchmarks", "examples"), ()) == []


@pytest.mark.parametrize(
    ("source", "module", "is_package", "expected"),
    [
        ("import a.b", "p.m", False, ["a.b"]),
        ("from a import b, c", "p.m", False, ["a.b", "a.c"]),
        ("from . import b", "p.m", False, ["p.b"]),
        ("from . import b", "p", True, ["p.b"]),
        ("from .a import b", "p.q.m", False, ["p.q.a.b"]),
        ("from ..a import b", "p.q.m", False, ["p.a.b"]),
        ("def f():\n    import late", "p.m", False, ["late"]),
    ],
)
def test_reading_imports(source: str, module: str, is_package: bool, expected: list[str]) -> None:  # noqa: FBT001 - pytest passes parameters by name
    found = _imported(ast.parse(source), module, is_package=is_package)
    assert [name for _, name in found] == expected
