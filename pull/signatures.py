"""Signed URLs stay out of logs: urllib3 writes every URL to its own at the level of debugging.

Where a registry redirects to, the query is a credential. A program that turns on debugging gets
urllib3's lines, but for these hosts without the queries.
"""

from __future__ import annotations

import logging

__all__ = ["hide_queries_of"]

_LOGGER = "urllib3.connectionpool"


class _HideQueries(logging.Filter):
    """Cuts the query out of lines about some hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.hosts: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, some of them changed."""
        arguments = record.args
        if isinstance(arguments, tuple) and self.hosts.intersection(map(str, arguments)):
            record.args = tuple(
                f"{value.partition('?')[0]}?..."
                if isinstance(value, str) and "?" in value
                else value
                for value in arguments
            )
        return True


_filter = _HideQueries()


def hide_queries_of(host: str) -> None:
    """Log no query of URLs at this host from now on."""
    _filter.hosts.add(host)
    logging.getLogger(_LOGGER).addFilter(_filter)  # adding it again changes nothing
