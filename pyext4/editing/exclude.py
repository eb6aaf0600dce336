"""Leave names out by the patterns of gitignore(5).

The pathspec library says what a pattern means, as a regular expression. What remains is git's own
order, which the tree gives: parents first; a directory that goes takes all below with it, so "it is
not possible to re-include a file if a parent directory of that file is excluded"; and of several
patterns that match, "the last matching pattern decides the outcome".
https://git-scm.com/docs/gitignore

A pattern is asked about each name by itself. pathspec's patterns also match what lies below a
directory that they match; git's do not. So the whole of a path has to match: of a pattern without
a slash in it, the last component.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pyext4.errors import ContentError, OptionsError
from pyext4.tree import Directory, Tree

__all__ = ["check_patterns", "exclude"]

_OPTION = "exclude"
_TWO_NAMES = "a directory can have only one name"
_EVERYTHING = ("*", "**")
_ANYWHERE = re.compile(r"/?(?:\*\*/)+(?=.)")
_ALL_BELOW = re.compile(r"/\*\*(/?)$")
# The expressions have dots, which match no newline. No other byte becomes this half of a character.
_NEWLINE = "\udc0a"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    expression: re.Pattern[str]
    name_only: bool  # asked about the last component, wherever it is
    leaves_out: bool  # False: a pattern with ! takes back what one before it said


def check_patterns(patterns: Iterable[str]) -> None:
    """Refuse what is no pattern.

    Raises:
        TypeError: One text instead of a list of patterns.
        OptionsError: A pattern can't be read, or can't match anything.
    """
    _compiled_all(patterns)


def exclude(tree: Tree, patterns: Iterable[str]) -> int:
    """Take out of `tree` what the patterns of gitignore(5) match; return how many names went.

    Paths are relative to the tree's root: `/etc/*.bak` matches there alone, `*.bak` everywhere,
    `cache/` directories only, `!keep.bak` takes back what a pattern before it said. Directories
    that go are counted with all names in them. Other names of a hard link stay, and the file with
    them. The root stays. What no name leads to any more is not written, and is erased in an
    `Ext4Writer`'s image.

    Raises:
        TypeError: One text instead of a list of patterns.
        OptionsError: A pattern can't be read, or can't match anything.
        ContentError: A directory has two names.
    """
    compiled = _compiled_all(patterns)
    if not compiled:
        return 0
    out = 0
    stack: list[tuple[str, Directory]] = [("", tree.root)]
    met = {tree.root}
    while stack:
        prefix, directory = stack.pop()
        for name in list(directory.children):
            node = directory.children[name]
            is_directory = isinstance(node, Directory)
            last = _text(name) + ("/" if is_directory else "")
            if _goes(compiled, prefix + last, last):
                out += _names_in(node) if isinstance(node, Directory) else 1
                del directory.children[name]
            elif isinstance(node, Directory):
                if node in met:
                    raise ContentError(os.fsencode(f"/{prefix}{last}"), _TWO_NAMES)
                met.add(node)
                stack.append((prefix + last, node))
    return out


def _names_in(top: Directory) -> int:
    """Count a directory's name and all below it."""
    return sum(1 for _ in Tree(top).nodes())


def _goes(patterns: list[_Pattern], path: str, last: str) -> bool:
    for pattern in reversed(patterns):
        if pattern.expression.fullmatch(last if pattern.name_only else path):
            return pattern.leaves_out
    return False


def _text(name: bytes) -> str:
    return os.fsdecode(name).replace("\n", _NEWLINE)


def _compiled_all(patterns: Iterable[str]) -> list[_Pattern]:
    if isinstance(patterns, str):  # each of its letters would be a pattern
        msg = "exclude takes a list of patterns, not one text"
        raise TypeError(msg)
    return [_compiled(pattern) for pattern in patterns]


def _compiled(pattern: str) -> _Pattern:
    from pathspec.patterns.gitignore.spec import (  # noqa: PLC0415  # slow, and rarely needed
        GitIgnoreSpecPattern,
    )

    leaves_out = not pattern.startswith("!")
    text, name_only = _plain(pattern.removeprefix("!").replace("\n", _NEWLINE))
    if name_only and text.rstrip("/") in _EVERYTHING:  # for which pathspec has shorter expressions
        expression = re.compile("[^/]+/" if text.endswith("/") else "[^/]+/?")
        return _Pattern(expression=expression, name_only=True, leaves_out=leaves_out)
    try:
        found = GitIgnoreSpecPattern(text if leaves_out else f"!{text}").regex
    except ValueError as error:
        raise OptionsError(_OPTION, f"not a pattern of gitignore(5): {pattern!r}") from error
    if found is None:
        raise OptionsError(
            _OPTION, f"matches nothing as gitignore(5) reads it (# is written \\#): {pattern!r}"
        )
    return _Pattern(expression=found, name_only=name_only, leaves_out=leaves_out)


def _plain(text: str) -> tuple[str, bool]:
    """Return a pattern in another spelling of the same, and whether it is about last components."""
    if not text.endswith("\\ "):
        text = text.rstrip(" ")
    text = _ALL_BELOW.sub(r"/**/*\1", text)  # a/** is all below a, and not a itself
    anywhere = _ANYWHERE.match(text)
    if anywhere is not None:
        rest = text[anywhere.end() :]
        text = f"**/{rest}" if "/" in rest[:-1] else rest
    return text, "/" not in text[:-1]
