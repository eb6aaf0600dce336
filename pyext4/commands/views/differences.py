"""Differences as lines of text or JSON.

    M /etc/passwd  mode 0644 -> 0600, content
    A /etc/new
    D /var/old

The first column is M for a path that both have, A for one that only the second has, D for one
that only the first has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyext4.commands.views.text import show_bytes, show_time
from pyext4.compare import Change, Difference

__all__ = ["difference_line", "json_lines"]

_LETTERS: Final = {"added": "A", "removed": "D", "changed": "M"}


def difference_line(difference: Difference) -> str:
    """Return a difference as a line."""
    line = f"{_LETTERS[difference.kind]} {show_bytes(difference.path)}"
    changes = ", ".join(_change(change) for change in difference.changes)
    return f"{line}  {changes}" if changes else line


def json_lines(differences: Iterable[Difference]) -> Iterator[str]:
    """Yield the lines of one JSON object, while the differences are being found."""
    yield '{"differences": ['
    before = ""
    for difference in differences:
        if before:
            yield before + ","
        before = json.dumps(_as_json(difference))
    if before:
        yield before
    yield "]}"


def _change(change: Change) -> str:
    if change.field == "content":
        return "content"
    if change.field == "xattr":
        name = show_bytes(change.name)
        if change.before is None:
            return f"xattr +{name}"
        return f"xattr -{name}" if change.after is None else f"xattr {name}"
    name = {"first_name": "links with", "mtime_ns": "mtime"}.get(change.field, change.field)
    return f"{name} {_show(change.field, change.before)} -> {_show(change.field, change.after)}"


def _show(field: str, value: Any) -> str:  # noqa: ANN401  # one type for each field
    if field == "mode":
        return f"{value:04o}"
    if field == "mtime_ns":
        return show_time(value)
    if isinstance(value, bytes):
        return show_bytes(value)
    return "{}, {}".format(*value) if isinstance(value, tuple) else str(value)


def _as_json(difference: Difference) -> dict[str, Any]:
    shown: dict[str, Any] = {"path": show_bytes(difference.path), "kind": difference.kind}
    if difference.changes:
        shown["changes"] = [_change_as_json(change) for change in difference.changes]
    return shown


def _change_as_json(change: Change) -> dict[str, Any]:
    shown: dict[str, Any] = {"field": change.field}
    if change.name:
        shown["name"] = show_bytes(change.name)
    if change.field != "content":
        for key, value in (("before", change.before), ("after", change.after)):
            shown[key] = show_bytes(value) if isinstance(value, bytes) else value
    return shown
