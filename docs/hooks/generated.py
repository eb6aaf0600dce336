"""What mkdocs makes instead of reading it: the page of options, and the picture of speed.

A line `<!-- options: PROGRAM -->` becomes all that the program's own parser knows, so that the page
can't be out of date. The picture stands beside the benchmarks that draw it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from pull.cache.__main__ import make_parser as cache_parser
from pull.command.arguments import make_parser as pull_parser
from pyext4.commands.cli import make_parser as pyext4_parser

__all__ = ["PROGRAMS", "on_files", "on_page_markdown", "options_of"]

PROGRAMS: Final[Mapping[str, Callable[[], argparse.ArgumentParser]]] = {
    "pyext4-pull": pull_parser,
    "pyext4": pyext4_parser,
    "pyext4-cache": cache_parser,
}
_PLACE: Final = re.compile(r"^<!-- options: (\S+) -->$", re.MULTILINE)
_PICTURE: Final = Path(__file__).parents[2] / "benchmarks/speed.svg"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the picture."""
    files.append(File.generated(config, _PICTURE.name, abs_src_path=str(_PICTURE)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put options where a page asks for them."""
    del page, config, files  # mkdocs gives them by their names
    return _PLACE.sub(lambda found: options_of(found[1]), markdown)


def options_of(program: str) -> str:
    """Return a program's options as Markdown."""
    parser = PROGRAMS[program]()
    parser.prog = program
    return "\n".join(_described(parser, program, level=2))


def _described(parser: argparse.ArgumentParser, name: str, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} {name}\n"
    yield f"{parser.description or ''}\n"
    yield f"```text\n{parser.format_usage().strip()}\n```\n"
    for group in parser._action_groups:  # noqa: SLF001  # argparse has no other way
        yield from _group(parser, group, name, title=level == 2)
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command, child in action.choices.items():
                child.prog = f"{name} {command}"
                yield from _described(child, f"{name} {command}", level=level + 1)
    if parser.epilog:
        epilog = parser.epilog.replace("%(prog)s", parser.prog)
        yield f"```text\n{epilog.strip()}\n```\n"


def _group(
    parser: argparse.ArgumentParser, group: argparse._ArgumentGroup, name: str, *, title: bool
) -> Iterator[str]:
    expanded = parser._get_formatter()._expand_help  # noqa: SLF001  # as --help has it
    actions = [
        action
        for action in group._group_actions  # noqa: SLF001
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    ]
    if not actions:
        return
    if title:
        anchor = f"{name}-{group.title}".replace(" ", "-")
        yield f"### {(group.title or '').capitalize()} {{ #{anchor} }}\n"
    yield "<dl>"
    for action in actions:
        words = _words(action)
        anchor = escape(f"{name}-{words[0].split()[0].lstrip('-')}".replace(" ", "-"))
        shown = ", ".join(f"<code>{escape(word)}</code>" for word in words)
        yield f'<dt id="{anchor}"><a href="#{anchor}">{shown}</a></dt>'
        yield f"<dd>{escape(expanded(action) if action.help else '')}</dd>"
    yield "</dl>\n"


def _words(action: argparse.Action) -> list[str]:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return [metavar]
    if action.choices is not None and action.metavar is None:
        metavar = f"{{{','.join(map(str, action.choices))}}}"
    value = "" if action.nargs == 0 else f" {metavar}"
    return [f"{option}{value}" for option in action.option_strings]
