"""Shows what comments say of fields: they stand behind them, or above where the line is full.

A field's comment is its documentation in the sources. Here it becomes so on the pages too, unless
the field has a docstring or its class lists it under `Attributes:`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

import griffe

__all__ = ["Comments", "comment_of"]

_NOT_FOR_READERS = re.compile(r"^(noqa|type:|isort:|mypy:)")


class Comments(griffe.Extension):
    """Gives fields without a docstring their comment."""

    def on_attribute_instance(
        self,
        *,
        node: ast.AST | griffe.ObjectNode,
        attr: griffe.Attribute,
        agent: griffe.Visitor | griffe.Inspector,
        **kwargs: Any,  # noqa: ANN401  # the base's
    ) -> None:
        """Look at one field of a class."""
        del node, agent, kwargs
        owner = attr.parent
        if attr.docstring or owner is None or not owner.is_class or attr.lineno is None:
            return
        if owner.docstring and "Attributes:" in owner.docstring.value:
            return
        path = attr.filepath
        text = comment_of(path, attr.lineno, attr.endlineno) if isinstance(path, Path) else ""
        if text:
            attr.docstring = griffe.Docstring(text, parent=attr, lineno=attr.lineno)


def comment_of(path: Path, first: int, last: int | None) -> str:
    """Return the comment behind a field, or else those in lines of their own above it."""
    comments = _comments(path)
    behind, _ = comments.get(last or first, ("", False))
    if not behind:
        above: list[str] = []
        while (found := comments.get(first := first - 1)) and found[1]:
            above.insert(0, found[0])
        behind = " ".join(above)
    return "" if _NOT_FOR_READERS.match(behind) else behind


@cache
def _comments(path: Path) -> dict[int, tuple[str, bool]]:
    """Map lines to their comments, and whether there is nothing else in the line."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {
        token.start[0]: (token.string.lstrip("# "), token.line.lstrip().startswith("#"))
        for token in tokens
        if token.type == tokenize.COMMENT
    }
