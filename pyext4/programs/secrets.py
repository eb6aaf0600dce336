"""Texts that a user gave or a server sent, without the passwords and signatures in URLs."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_secrets"]

# patterns are compiled when they are first used: most runs say nothing with a URL in it

# what stands before an @ is a user, unless a digest follows: docker://debian:12@sha256:...
_USER: Final = r"(?<![\w/.-])//[^/\s'\"@]*@(?!sha(?:256|512):)"
# signatures and tokens stand in queries, which `redact` of pull.spec.urls has as ?...
_QUERY: Final = r"(://[^\s?#'\"]*)\?(?!\.\.\.)[^\s'\";,]+"


def without_secrets(text: str) -> str:
    """Remove user, password and query of each URL in a text; done twice it changes no more."""
    if "//" not in text:
        return text
    return re.sub(_QUERY, r"\1?...", re.sub(_USER, "//", text))
