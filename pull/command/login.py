"""The login that the command uses at a registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pull.command.request import Login
from pull.errors import StandardInputError
from pull.spec.reference import Reference, parse_reference

if TYPE_CHECKING:
    from pull.registry.credentials import Credentials, FindCredentials

__all__ = ["find_login"]

_PASSWORD_MAX_BYTES = 1 << 20


def find_login(reference: str, login: Login) -> FindCredentials | None:
    """Return a function that finds logins; None leaves it to the files of docker and podman.

    Raises:
        StandardInputError: A password should come from there, but does not.
        ReferenceSyntaxError: `reference` is invalid, so the password's registry is unknown.
    """
    if login.anonymous:
        return lambda registry, repository: None  # noqa: ARG005  # anonymous everywhere
    if login.username is None:
        return None
    from pull.registry.credentials import (  # noqa: PLC0415  # most users have no login of their own
        Credentials,
        find_credentials,
    )

    given = Credentials(username=login.username, password=_password())
    parsed = parse_reference(reference)
    home = parsed.registry if isinstance(parsed, Reference) else ""

    def find(registry: str, repository: str) -> Credentials | None:
        # a mirror is another host and must not get this password
        if registry == home:
            return given
        return find_credentials(registry, repository, environment=os.environ)

    return find


def _password() -> str:
    """Read all of standard input: a key of Google's is JSON of many lines."""
    from pull.process.stdin import standard_input  # noqa: PLC0415  # as above

    data = standard_input().read(_PASSWORD_MAX_BYTES + 1)
    if len(data) > _PASSWORD_MAX_BYTES:
        raise StandardInputError("is too long for a password")
    # one line end is the editor's or echo's; bytes that aren't UTF-8 are sent as they are
    end = b"\r\n" if data.endswith(b"\r\n") else b"\n"
    password = data.removesuffix(end).decode(errors="surrogateescape")
    if not password:
        raise StandardInputError("has no password in it")
    return password
