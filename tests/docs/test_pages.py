"""What pages say of the programs, the library and their messages is what there is."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from docs.hooks.comments import comment_of
from docs.hooks.generated import PROGRAMS, options_of
from tests.docs.blocks import ROOT
from tests.house import PACKAGES

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# options of other programs that pages name
OTHERS = {"--cap-drop", "--initramfs", "--privileged", "--sparse", "--type"}
ANYTHING = "…"
# what the kernel and the operating system say
SYSTEM = {"VFS: Unable to mount root fs", "name or service not known", "no space left on device"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_options_page_has_all_options(program: str) -> None:
    page = options_of(program)
    shown = PROGRAMS[program]().format_help()
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown))
    assert len(options) >= 2
    assert {option for option in options if option not in page} == set()


def test_options_page_asks_for_all_programs() -> None:
    asked = re.findall(
        r"^<!-- options: (\S+) -->$", (DOCS / "options.md").read_text(), re.MULTILINE
    )
    assert asked == list(PROGRAMS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_options_that_the_text_names_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    spans = " ".join(re.findall(r"`([^`]+)`", text))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", spans))
    known = {
        option for program in PROGRAMS for option in re.findall("--[a-z-]+", options_of(program))
    }
    assert named - known - OTHERS - allowed_in(page) == set()


def allowed_in(page: Path) -> set[str]:
    """What only one page names, of programs that it compares or tells of."""
    return {
        "comparison.md": {"--materialize", "--rootless", "--size"},
        "performance.md": {
            "--all",
            "--from",
            "--json",
            "--materialize",
            "--picture",
            "--short",
            "--workload",
        },
        "boot.md": {"--hash-offset"},
        "disks.md": {"--disk"},  # of Cloud Hypervisor
        "releasing.md": {
            "--annotate",
            "--archs",
            "--installed",
            "--message",
            "--native",
            "--repository",
        },
    }.get(page.name, set())


@pytest.mark.parametrize("package", PACKAGES)
def test_library_page_has_every_public_name(package: str) -> None:
    page = (DOCS / "library" / f"{package}.md").read_text()
    described = re.findall(rf"^::: {package}\.(\w+)$", page, re.MULTILINE)
    public = [name for name in importlib.import_module(package).__all__ if name[0] != "_"]
    assert sorted(described) == sorted({*public, *(["errors"] if package == "pull" else [])})


FIELDS = """\
class Fields:
    behind: int = 0  # after the value
    # in two lines
    # above it
    above: int = 0
    nothing: int = 0
    order: int = 0  # noqa: PLC0415
    longer: str = (
        ""
    )  # after its last line
"""


@pytest.mark.parametrize(
    ("first", "last", "comment"),
    [
        (2, 2, "after the value"),
        (5, 5, "in two lines above it"),
        (6, 6, ""),
        (7, 7, ""),
        (8, 10, "after its last line"),
    ],
)
def test_comment_of_a_field(tmp_path: Path, first: int, last: int, comment: str) -> None:
    source = tmp_path / "fields.py"
    source.write_text(FIELDS)
    assert comment_of(source, first, last) == comment


def headings() -> list[str]:
    page = (DOCS / "troubleshooting.md").read_text()
    found = re.findall(r"^### .*?`(.+)`$", page, re.MULTILINE)
    assert len(found) == page.count("\n### ")
    return found


@pytest.mark.parametrize("message", headings())
def test_message_is_one_that_the_code_has(message: str) -> None:
    assert message in SYSTEM or says(message)


def test_message_that_no_code_has_is_noticed() -> None:
    assert not says("the content does not fit into the box")
    assert not says("…: the registry answered nonsense")
    assert not says("use at least: …, the content does not fit into …")


def says(message: str) -> bool:
    """Tell whether one text of the sources has all fixed parts of a message, in their order."""
    parts = [part.strip() for part in message.split(ANYTHING)]
    fixed = [part for part in parts if len(part) > 2]
    assert fixed, message
    return any(has_in_order(text, fixed) for text in texts())


def has_in_order(text: str, parts: list[str]) -> bool:
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True


@cache
def texts() -> tuple[str, ...]:
    """Every text in the sources of the packages, what a function adds to it included."""
    found = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            found += list(texts_of(ast.parse(path.read_text())))
        found += [path.read_text() for path in (ROOT / package).rglob("*.c") if path.name[0] != "_"]
    return tuple(found)


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Yield texts; what stands for a value in one is `…`. A function is a text too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant):
            yield spelled(node)
        elif isinstance(node, ast.FunctionDef):  # messages that are put together
            yield " ".join(
                spelled(part)
                for part in ast.walk(node)
                if isinstance(part, ast.JoinedStr | ast.Constant)
            )


def spelled(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(spelled(part) for part in node.values)
    return ANYTHING
