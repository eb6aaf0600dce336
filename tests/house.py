"""Print the rooms of the house, read from the imports, to help people find their way.

    python -m tests.house

A room is a folder of modules. A module directly in one of the three packages is a room of its own.
Imports are read from the sources with `ast`; those inside functions and those for type checkers
count too. An arrow is one module that imports another. A room's level is one above the highest room
it imports from.
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

__all__ = [
    "PACKAGES",
    "ROOT",
    "Import",
    "circles",
    "imported_names",
    "imports_of",
    "levels",
    "module_arrows",
    "modules_of",
    "room_arrows",
    "room_of",
]

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("pull", "flatten", "pyext4")

Arrows: TypeAlias = Mapping[str, Iterable[str]]
"""Who imports whom, by dotted names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name: who imports, at which line, what (`package.module.name`)."""

    importer: str
    line: int
    imported: str

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules_of(package: str) -> dict[str, Path]:
    """Return each module's file by the module's dotted name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(package: str) -> list[Import]:
    """Return every import in the package's modules."""
    return [
        Import(importer=module, line=line, imported=imported)
        for module, path in modules_of(package).items()
        for line, imported in imported_names(
            ast.parse(path.read_text()), module, is_package=path.name == "__init__.py"
        )
    ]


def imported_names(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, full dotted name) of each name that `module` imports."""
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


def module_arrows() -> dict[str, set[str]]:
    """Return which modules each module imports, in all three packages."""
    modules = {name for package in PACKAGES for name in modules_of(package)}
    found: dict[str, set[str]] = {name: set() for name in sorted(modules)}
    for package in PACKAGES:
        for entry in imports_of(package):
            target = entry.imported
            if target not in modules:
                target = target.rpartition(".")[0]
            if target in modules and target != entry.importer:
                found[entry.importer].add(target)
    return found


def room_of(module: str) -> str:
    """Return the room of a module: its folder, or itself if it lies directly in a package."""
    if ROOT.joinpath(*module.split(".")).is_dir():
        return module
    folder = module.rpartition(".")[0]
    return module if folder in PACKAGES else folder


def room_arrows() -> dict[str, set[str]]:
    """Return which rooms each room imports from."""
    found: dict[str, set[str]] = {}
    for module, targets in module_arrows().items():
        room = room_of(module)
        found.setdefault(room, set()).update({room_of(target) for target in targets} - {room})
    return found


def circles(arrows: Arrows) -> list[list[str]]:
    """Return the groups of two and more that reach each other, by Tarjan's algorithm."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in arrows.get(node, ()):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            at = stack.index(node)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    for node in sorted(arrows):
        if node not in order:
            visit(node)
    return found


def levels(arrows: Arrows) -> dict[str, int]:
    """Return each one's level: 0 imports nothing, the others are above all that they import."""
    found: dict[str, int] = {}

    def level(node: str, on_the_way: frozenset[str]) -> int:
        if node not in found:
            below = [target for target in arrows.get(node, ()) if target not in on_the_way]
            found[node] = 1 + max((level(each, on_the_way | {node}) for each in below), default=-1)
        return found[node]

    for node in arrows:
        level(node, frozenset())
    return found


def _print_rooms(modules: Arrows, rooms: Arrows) -> None:
    height = levels(rooms)
    sizes: dict[str, int] = {}
    for module in modules:
        sizes[room_of(module)] = sizes.get(room_of(module), 0) + 1
    print("level  room (modules) -> rooms it imports from")
    for room in sorted(rooms, key=lambda name: (-height[name], name)):
        below = ", ".join(sorted(rooms[room])) or "nothing"
        print(f"{height[room]:5}  {room} ({sizes[room]}) -> {below}")


def _print_arrows(modules: Arrows, package: str) -> None:
    inside = {
        (module, target)
        for module, targets in modules.items()
        for target in targets
        if module.split(".")[0] == target.split(".")[0] == package
    }
    members = sum(module.split(".")[0] == package for module in modules)
    between = {(room_of(module), room_of(target)) for module, target in inside}
    between = {(room, target) for room, target in between if room != target}
    print(
        f"{package}: {members} modules, {len(inside)} arrows, {len(between)} arrows between rooms"
    )


def main() -> None:
    """Print the rooms from the top level down, then arrows and circles."""
    modules = module_arrows()
    rooms = room_arrows()
    _print_rooms(modules, rooms)
    print()
    for package in PACKAGES:
        _print_arrows(modules, package)
    print(f"circles of modules: {len(circles(modules))}", *circles(modules))
    print(f"circles of rooms: {len(circles(rooms))}", *circles(rooms))


if __name__ == "__main__":
    main()
