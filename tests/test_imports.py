"""The rooms of the house: which may import which, how many modules each holds, and the map.

`python -m tests.house` prints what is checked here.
"""

from __future__ import annotations

import ast
import re
from typing import Final

import pytest

from tests.house import (
    PACKAGES,
    ROOT,
    Import,
    circles,
    imported_names,
    imports_of,
    module_arrows,
    modules_of,
    room_arrows,
    room_of,
)

MOST_MODULES: Final = 14  # in one folder, beside its sub-packages

# Each room, from the ground floor up, with the rooms that it imports from: all of them further up
# in this table.
ROOMS: Final[dict[str, str]] = {
    "pyext4.backend": "",
    "pyext4.buffer": "",
    "pyext4.collector": "",
    "pyext4.failure": "",
    "pyext4.numbers": "",
    "pyext4.ondisk": "",
    "pyext4.options": "",
    "pyext4.sizes": "",
    "pyext4.version": "",
    "pyext4.errors": "pyext4.failure",
    "pyext4.packer": "pyext4.buffer",
    "pyext4.programs": "pyext4.failure pyext4.version",
    "pyext4.native": (
        "pyext4.backend pyext4.buffer pyext4.errors pyext4.numbers pyext4.ondisk pyext4.packer"
    ),
    "pyext4.space": "pyext4.errors pyext4.numbers pyext4.options",
    "pyext4.tree": "pyext4.errors",
    "pyext4.content": "pyext4.buffer pyext4.tree",
    "pyext4.editing": "pyext4.errors pyext4.ondisk pyext4.packer pyext4.tree",
    "pyext4.reader.decode": (
        "pyext4.buffer pyext4.errors pyext4.native pyext4.numbers pyext4.ondisk pyext4.packer"
    ),
    "pyext4.structures": (
        "pyext4.buffer pyext4.errors pyext4.native pyext4.numbers pyext4.ondisk pyext4.options "
        "pyext4.packer pyext4.space"
    ),
    "pyext4.verity": (
        "pyext4.errors pyext4.native pyext4.numbers pyext4.ondisk pyext4.options pyext4.packer"
    ),
    "pyext4.host": "pyext4.collector pyext4.content pyext4.native pyext4.numbers pyext4.tree",
    "pyext4.image": (
        "pyext4.buffer pyext4.collector pyext4.content pyext4.errors pyext4.native "
        "pyext4.numbers pyext4.space pyext4.structures pyext4.tree"
    ),
    "pyext4.checkpoint": "pyext4.image pyext4.native pyext4.space pyext4.tree",
    "pyext4.reader.disk": (
        "pyext4.errors pyext4.numbers pyext4.ondisk pyext4.packer pyext4.reader.decode"
    ),
    "pyext4.reader.files": (
        "pyext4.buffer pyext4.errors pyext4.numbers pyext4.ondisk pyext4.packer "
        "pyext4.reader.decode pyext4.reader.disk"
    ),
    "pyext4.qcow2": "pyext4.errors pyext4.image pyext4.numbers",
    "pyext4.writing": (
        "pyext4.errors pyext4.image pyext4.native pyext4.numbers pyext4.ondisk pyext4.options "
        "pyext4.packer pyext4.qcow2 pyext4.space pyext4.structures pyext4.tree pyext4.verity"
    ),
    "pyext4.reader.journal": (
        "pyext4.errors pyext4.numbers pyext4.ondisk pyext4.packer pyext4.reader.decode "
        "pyext4.reader.disk"
    ),
    "pyext4.reader.check": (
        "pyext4.errors pyext4.numbers pyext4.ondisk pyext4.packer pyext4.reader.decode "
        "pyext4.reader.disk pyext4.reader.files"
    ),
    "pyext4.reader": (
        "pyext4.errors pyext4.ondisk pyext4.reader.check pyext4.reader.disk pyext4.reader.files "
        "pyext4.reader.journal pyext4.tree"
    ),
    "pyext4.compare": (
        "pyext4.content pyext4.errors pyext4.ondisk pyext4.reader pyext4.reader.disk "
        "pyext4.reader.files pyext4.tree"
    ),
    "pyext4.regions": (
        "pyext4.numbers pyext4.ondisk pyext4.reader pyext4.reader.check pyext4.reader.disk"
    ),
    "pyext4.commands.views": (
        "pyext4.compare pyext4.errors pyext4.host pyext4.image pyext4.numbers pyext4.reader "
        "pyext4.regions pyext4.tree"
    ),
    "pyext4": (
        "pyext4.compare pyext4.editing pyext4.errors pyext4.host pyext4.image pyext4.options "
        "pyext4.qcow2 pyext4.reader pyext4.regions pyext4.tree pyext4.verity pyext4.version "
        "pyext4.writing"
    ),
    "pyext4.commands": (
        "pyext4.commands.views pyext4.errors pyext4.failure pyext4.native pyext4.numbers "
        "pyext4.ondisk pyext4.options pyext4.programs pyext4.reader pyext4.sizes pyext4.tree "
        "pyext4.writing"
    ),
    "pyext4.__main__": "pyext4.commands pyext4.errors pyext4.programs",
    "flatten.layer": "",
    "flatten.left_out": "",
    "flatten.limits": "",
    "flatten.errors": "pyext4.failure",
    "flatten.stream": "pyext4.buffer flatten.errors flatten.layer",
    "flatten.paths": "pyext4.errors pyext4.tree flatten.errors",
    "flatten.paths_of_nodes": "pyext4.tree",
    "flatten.accounts": "pyext4.content pyext4.errors pyext4.tree",
    "flatten.discard": "pyext4.buffer pyext4.content",
    "flatten.spool": "pyext4.buffer pyext4.content",
    "flatten.tar": (
        "pyext4.buffer pyext4.content pyext4.tree flatten.accounts flatten.errors "
        "flatten.left_out flatten.limits"
    ),
    "flatten.native": "pyext4.backend pyext4.buffer flatten.errors flatten.tar",
    "flatten.outputs": (
        "pyext4.content pyext4.tree flatten.errors flatten.paths_of_nodes flatten.tar"
    ),
    "flatten.settling": "pyext4.tree flatten.accounts flatten.errors flatten.left_out flatten.tar",
    "flatten.host_layers": (
        "pyext4.buffer pyext4.host pyext4.tree flatten.errors flatten.layer flatten.outputs "
        "flatten.paths_of_nodes"
    ),
    "flatten.text_layer": "pyext4.tree flatten.errors flatten.layer flatten.outputs",
    "flatten.merge": (
        "pyext4.buffer pyext4.content pyext4.tree flatten.errors flatten.layer flatten.left_out "
        "flatten.limits flatten.paths flatten.paths_of_nodes flatten.settling flatten.tar"
    ),
    "flatten": (
        "pyext4.content pyext4.tree pyext4.version flatten.errors flatten.host_layers "
        "flatten.layer flatten.left_out flatten.limits flatten.merge flatten.native "
        "flatten.spool flatten.stream flatten.tar"
    ),
    "pull.comparing": (
        "pyext4.commands pyext4.commands.views pyext4.compare pyext4.errors pyext4.reader "
        "pyext4.tree"
    ),
    "pull.wording": "",
    "pull.errors": "pyext4.failure pyext4.programs pyext4.sizes pull.wording",
    "pull.guest.init": "pull.errors",
    "pull.spec": "pull.errors",
    "pull.source": "pull.spec",
    "pull.local": "pull.errors pull.source pull.spec",
    "pull.registry": "pull.errors pull.source pull.spec",
    "pull.process": (
        "pyext4.commands pyext4.native pyext4.programs flatten.native pull.errors pull.wording"
    ),
    "pull.cache": "pyext4.checkpoint pyext4.sizes pull.errors pull.process pull.spec pull.wording",
    "pull.fetch": "pull.cache pull.errors pull.source pull.spec",
    "pull.image": "pull.fetch pull.local pull.spec",
    "pull.outlook": "pyext4.sizes pull.fetch pull.image",
    "pull.guest": (
        "pyext4.content pyext4.sizes pyext4.tree flatten flatten.errors flatten.outputs "
        "pull.guest.init pull.image pull.spec"
    ),
    "pull.pulling": (
        "pull.cache pull.errors pull.fetch pull.image pull.local pull.process pull.registry "
        "pull.source pull.spec"
    ),
    "pull.changes": "pyext4.editing pyext4.errors pyext4.tree flatten.errors flatten.text_layer",
    "pull.report": (
        "pyext4.buffer pyext4.content pyext4.image pyext4.sizes pyext4.tree flatten.errors"
    ),
    "pull.guest.kernel": (
        "pyext4.content pyext4.image pyext4.tree flatten.errors pull.guest pull.guest.init"
    ),
    "pull.command.progress": "pyext4.sizes pull.image pull.spec pull.wording",
    "pull.command": (
        "pyext4 pyext4.checkpoint pyext4.commands pyext4.content pyext4.editing pyext4.errors "
        "pyext4.failure pyext4.image pyext4.programs pyext4.qcow2 pyext4.reader pyext4.sizes "
        "pyext4.tree pyext4.verity pyext4.version flatten flatten.discard flatten.errors "
        "flatten.host_layers flatten.layer flatten.limits flatten.outputs flatten.text_layer "
        "pull.cache pull.changes pull.command.progress pull.comparing pull.errors pull.fetch "
        "pull.guest pull.guest.kernel pull.image pull.outlook pull.process pull.pulling "
        "pull.registry pull.report pull.spec pull.wording"
    ),
    "pull": (
        "pyext4.failure pyext4.version pull.command pull.command.progress pull.errors "
        "pull.guest pull.image pull.process pull.pulling pull.registry pull.spec"
    ),
    "pull.__main__": "pull.command pull.process",
}

# construct parses and builds what exists once an image; per-inode work goes through packers
CONSTRUCT_ROOMS: Final = (
    "pyext4.ondisk",
    "pyext4.packer",
    "pyext4.reader",
    "pyext4.writing.writer",
)


def test_rooms_import_what_the_table_says() -> None:
    allowed = {room: set(below.split()) for room, below in ROOMS.items()}
    assert room_arrows() == allowed


def test_no_room_imports_from_one_above_it() -> None:
    order = list(ROOMS)
    upwards = [
        f"{room} imports from {below}"
        for room, names in ROOMS.items()
        for below in names.split()
        if order.index(below) > order.index(room)
    ]
    assert upwards == []


def test_there_is_no_circle() -> None:
    assert circles(module_arrows()) == []
    assert circles(room_arrows()) == []


def test_packages_go_one_way() -> None:
    for package, others in (("pyext4", ("flatten", "pull")), ("flatten", ("pull",))):
        for room, below in ROOMS.items():
            if room.split(".")[0] == package:
                assert {name.split(".")[0] for name in below.split()}.isdisjoint(others), room


def folders() -> dict[str, list[str]]:
    """Return the modules of each folder, its `__init__` left out."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for module, path in modules_of(package).items():
            names = found.setdefault(str(path.parent.relative_to(ROOT)), [])
            if path.name != "__init__.py":
                names.append(module.rpartition(".")[2])
    return found


def test_no_folder_is_crowded() -> None:
    crowded = {
        folder: len(names) for folder, names in folders().items() if len(names) > MOST_MODULES
    }
    assert crowded == {}


def test_each_folder_says_what_belongs_there() -> None:
    silent = [
        folder
        for folder in folders()
        if len(ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text())) or "") < 60
    ]
    assert silent == []


def test_the_design_has_the_map() -> None:
    """DESIGN.md, "Rooms": a row for each folder that names all of its modules."""
    text = (ROOT / "DESIGN.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9_/]+)/` \| ([^|]*) \|", text, re.MULTILINE)
    drawn = {folder: sorted(re.findall(r"[a-z0-9_]+", names)) for folder, names in rows}
    assert drawn == {folder: sorted(names) for folder, names in folders().items()}


def within(entry: Import, *modules: str) -> bool:
    return any(entry.imported == each or entry.imported.startswith(f"{each}.") for each in modules)


def importers(package: str, *modules: str) -> set[str]:
    return {room_of(entry.importer) for entry in imports_of(package) if within(entry, *modules)}


@pytest.mark.parametrize("package", PACKAGES)
def test_cffi_stays_in_the_native_rooms(package: str) -> None:
    assert importers(package, "cffi", "_cffi_backend") <= {f"{package}.native"}


@pytest.mark.parametrize("package", PACKAGES)
def test_compiled_modules_are_named_in_the_native_rooms_only(package: str) -> None:
    for name in ("pyext4", "flatten"):
        assert importers(package, f"{name}.native._native") <= {f"{name}.native"}


@pytest.mark.parametrize("package", PACKAGES)
def test_construct_stays_where_structures_are_declared(package: str) -> None:
    others = [
        str(entry)
        for entry in imports_of(package)
        if within(entry, "construct") and not entry.importer.startswith(CONSTRUCT_ROOMS)
    ]
    assert others == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_know_nothing_of_what_is_around_them(package: str) -> None:
    assert importers(package, "tests", "benchmarks", "examples") == set()


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
    found = imported_names(ast.parse(source), module, is_package=is_package)
    assert [name for _, name in found] == expected


def test_circles_are_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [["a", "b", "c"]]
    assert circles({"a": ["b"], "b": []}) == []
