"""What can go wrong with the guest's init.

PullError
  GuestError
    BootFileError        a value can't be said in the boot file
    NoInitError          no init was built for an architecture
"""

from __future__ import annotations

from pull.errors import PullError

__all__ = ["BootFileError", "GuestError", "NoInitError"]


class GuestError(PullError):
    """The image can't be made to start by itself."""


class BootFileError(GuestError):
    """A value can't stand in the boot file."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(f"boot file: {key}: {reason}")


class NoInitError(GuestError):
    """This installation has no init for an architecture."""

    def __init__(self, architecture: str, advice: str) -> None:
        self.architecture = architecture
        self.advice = advice
        super().__init__(f"no init was built for {architecture}: {advice}")
