"""What can go wrong with the guest's init.

PullError
  GuestError
    BootFileError        the boot file can't hold a value
    NoInitError          no init was built for an architecture
    AccountError         a user or group is not in the image, or can't be read there
    PlanError            the image's config and the options don't say what to run
    TreeError            something in the image is not what it must be
    KernelError          the image has no kernel, or one that can't be unpacked
    GivenFileError       a file of this machine that an option names can't be used
"""

from __future__ import annotations

from pull.errors import PullError

__all__ = [
    "AccountError",
    "BootFileError",
    "GivenFileError",
    "GuestError",
    "KernelError",
    "NoInitError",
    "PlanError",
    "TreeError",
]


class GuestError(PullError):
    """The image can't be made to start by itself."""


class BootFileError(GuestError):
    """The boot file can't hold a value."""

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


class AccountError(GuestError):
    """A user or group can't be found in the image's own files."""

    def __init__(self, account: str, reason: str) -> None:
        self.account = account
        self.reason = reason
        super().__init__(f"{account}: {reason}")


class PlanError(GuestError):
    """What the guest runs can't be decided."""

    def __init__(self, setting: str, reason: str) -> None:
        self.setting = setting
        self.reason = reason
        super().__init__(f"{setting}: {reason}")


class TreeError(GuestError):
    """A path of the image holds something that can't be used."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} in the image: {reason}")


class KernelError(GuestError):
    """There is no kernel to copy, or it can't be unpacked."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} in the image: {reason}")


class GivenFileError(GuestError):
    """A file that an option names does not hold what it should."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")
