"""WWW-Authenticate: the ways that a server offers to authenticate.

Source: RFC 9110, section 11.6.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Challenge", "parse_challenges"]

_GAP = re.compile(r"[\s,]*")
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105  # a name, in the words of RFC 9110
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
# a scheme, and the token68 that Negotiate and NTLM put after it: it ends at a comma or the end
_SCHEME = re.compile(rf"({_TOKEN})(?=[\s,]|$)(?:[ \t]+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$)))?")
_REST = re.compile(r"[^,]+")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way that a server offers to authenticate."""

    scheme: str  # lower-case
    parameters: dict[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """Parse a WWW-Authenticate header, or several joined with commas.

    Anything unknown is skipped up to the next comma.
    """
    challenges: list[Challenge] = []
    position = 0
    while (position := _end(_GAP.match(header, position))) < len(header):
        if match := _PARAMETER.match(header, position):
            if challenges:
                value = match[2] if match[2] is not None else match[3]
                challenges[-1].parameters[match[1].lower()] = re.sub(r"\\(.)", r"\1", value)
        elif match := _SCHEME.match(header, position):
            challenges.append(Challenge(match[1].lower(), {}))
        else:
            match = _REST.match(header, position)
        position = _end(match)
    return challenges


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # the pattern matches everything
    return match.end()
