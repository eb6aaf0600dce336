"""Which failures of a connection pass by themselves, so that the same may do a moment later.

The types of errors and their numbers tell, and never a text, but for the one of http.client's that
has a proxy's status in it. A certificate stays as it is, a name that nobody has too: getaddrinfo(3)
says EAI_AGAIN where no name server could be asked, and EAI_NONAME where one has answered.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

__all__ = ["Judge", "causes", "passes"]

Judge: TypeAlias = Callable[[BaseException], bool | None]
"""Tells whether an error passes; None: it does not know the error."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")  # http.client's words
_NUMBERS: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.EPIPE,
        errno.ETIMEDOUT,
    }
)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of: requests and urllib3 wrap in several layers."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def passes(error: BaseException, judge: Judge | None = None) -> bool:
    """Tell whether an error is one that passes; the outermost cause that we know decides.

    `judge` knows errors of libraries that are not known here.
    """
    for seen in causes(error):
        known = None if judge is None else judge(seen)
        if known is None:
            known = _passes(seen)
        if known is not None:
            return known
    return False


def _passes(error: BaseException) -> bool | None:
    """Judge one error by itself; None: others have to."""
    if isinstance(error, ssl.SSLError):
        # the connection ended in the middle; all else is what one side does not accept
        return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    if isinstance(error, OSError):
        if tunnel := _TUNNEL.match(str(error)):
            return tunnel[1] == "429" or tunnel[1] >= "500"
        if error.errno is not None or isinstance(error, ConnectionError | TimeoutError):
            return isinstance(error, ConnectionError | TimeoutError) or error.errno in _NUMBERS
    return None
