"""Typed reading of JSON that strangers wrote: a wrong type is an error that names the field."""

from __future__ import annotations

import json
from typing import NoReturn

from pull.errors import ManifestError

__all__ = ["Fields", "parse_object", "parse_objects"]


class Fields:
    """A JSON object, and its place, for messages."""

    def __init__(self, where: str, values: dict[str, object]) -> None:
        self.where = where
        self.values = values

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string, which must be there if it has no default."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            self.refuse(key, "a string")
        return value

    def size(self, key: str) -> int:
        """Return a number of bytes."""
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse(key, "a size in bytes")
        return value

    def number(self, key: str, default: int) -> int:
        """Return an integer."""
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(key, "an integer")
        return value

    def inner(self, key: str) -> Fields:
        """Return an object; missing or null is an empty one."""
        value = self.values.get(key)
        if value is None:
            return Fields(f"{self.where}.{key}", {})
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return Fields(f"{self.where}.{key}", value)

    def objects(self, key: str) -> list[Fields]:
        """Return an array of objects; missing or null is an empty one."""
        found: list[Fields] = []
        for position, value in enumerate(self._array(key)):
            if not isinstance(value, dict):
                self.refuse(f"{key}[{position}]", "an object")
            found.append(Fields(f"{self.where}.{key}[{position}]", value))
        return found

    def texts(self, key: str) -> list[str]:
        """Return an array of strings; missing or null is an empty one."""
        found: list[str] = []
        for position, value in enumerate(self._array(key)):
            if not isinstance(value, str):
                self.refuse(f"{key}[{position}]", "a string")
            found.append(value)
        return found

    def refuse(self, key: str, expected: str) -> NoReturn:
        """Raise the error for a field of the wrong type."""
        found = type(self.values[key]).__name__ if key in self.values else "nothing"
        raise ManifestError(self.where, f"{key!r} should be {expected}, found: {found}")

    def names(self) -> list[str]:
        """Return the names of all fields."""
        return list(self.values)

    def _array(self, key: str) -> list[object]:
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(key, "an array")
        return value


def parse_object(data: bytes, where: str) -> Fields:
    """Parse bytes that must be a JSON object.

    Raises:
        ManifestError: They are not.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ManifestError(where, f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ManifestError(where, f"is not a JSON object, found: {type(value).__name__}")
    return Fields(where, value)


def parse_objects(data: bytes, where: str) -> list[Fields]:
    """Parse bytes that must be a JSON array of objects.

    Raises:
        ManifestError: They are not.
    """
    # an array has no fields; wrapped, it is read as one
    return parse_object(b'{"entries":' + data + b"}", where).objects("entries")
