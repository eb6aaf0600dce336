"""How to reach registries: every knob with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mirror", "TransportOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """How to reach registries."""

    plain_http: bool = False  # http for the registry, even if it is not on loopback
    insecure: bool = False  # no verification of TLS certificates
    cacert: Path | None = None  # a PEM file of authorities to trust in addition to the system's
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0  # without a single byte
    attempts: int = 6  # in all, for one request
    backoff_seconds: float = 0.5  # before the second attempt; doubles each time
    backoff_max_seconds: float = 20.0
    retry_after_max_seconds: float = 300.0  # longer than that is a refusal


@dataclass(frozen=True, slots=True)
class Mirror:
    """A server to try before a registry; the URL's path comes before the repository's name."""

    registry: str
    url: str
