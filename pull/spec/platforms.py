"""Platforms, and which entry of an index suits one: containerd's rules.

Source: https://github.com/containerd/platforms (normalisation, and the order of `Only`): a machine
runs what was built for it and, if the architecture has levels, for every lower level; the
highest one that it can run is the best.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pull.errors import PullError

__all__ = ["Platform", "PlatformSyntaxError", "host", "rank"]

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "armhf": "arm",
    "armel": "arm",
    "armv5l": "arm",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "loongarch64": "loong64",
}
_IMPLIED_VARIANTS = {
    "armhf": "v7",
    "armel": "v6",
    "armv5l": "v5",
    "armv6l": "v6",
    "armv7l": "v7",
    "armv8l": "v8",
}
_DEFAULT_VARIANTS = {"arm": "v7", "arm64": "v8", "amd64": "v1"}
_OPERATING_SYSTEMS = {"macos": "darwin"}
_ARM = ("v5", "v6", "v7", "v8")
_AMD64 = ("v1", "v2", "v3", "v4")
# features that the image-spec's image-index.md defines; a user who asks for that system has them
_FEATURES = {"windows": frozenset({"win32k"})}
_PART_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.-")


class PlatformSyntaxError(PullError):
    """A text is not a platform."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"invalid platform, expected OS/ARCH[/VARIANT]: {text!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An operating system and a processor; `variant` is normalised, empty for the usual one."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `OS/ARCH[/VARIANT]`, `OS(VERSION)/ARCH`, or `ARCH` alone for Linux.

        Raises:
            PlatformSyntaxError: The text has another form.
        """
        parts = text.lower().split("/")
        if len(parts) == 1:
            parts.insert(0, "linux")
        os_name, paren, os_version = parts[0].partition("(")
        if paren:
            if not os_version.endswith(")"):
                raise PlatformSyntaxError(text)
            os_version = os_version[:-1]
        parts[0] = os_name
        if len(parts) > 3 or not all(part and set(part) <= _PART_CHARS for part in parts):
            raise PlatformSyntaxError(text)
        variant = parts[2] if len(parts) == 3 else ""
        return cls.of(os_name, parts[1], variant, os_version)

    @classmethod
    def of(
        cls,
        os: str,
        architecture: str,
        variant: str = "",
        os_version: str = "",
        os_features: Iterable[str] = (),
    ) -> Platform:
        """Normalise what a manifest, a config or a user says."""
        os, architecture, variant = os.lower(), architecture.lower(), variant.lower()
        variant = variant or _IMPLIED_VARIANTS.get(architecture, "")
        architecture = _ARCHITECTURES.get(architecture, architecture)
        if variant[:1].isdigit():
            variant = f"v{variant}"
        if architecture in ("amd64", "arm64") and variant == _DEFAULT_VARIANTS[architecture]:
            variant = ""
        if architecture == "arm" and not variant:
            variant = _DEFAULT_VARIANTS["arm"]
        return cls(
            os=_OPERATING_SYSTEMS.get(os, os),
            architecture=architecture,
            variant=variant,
            os_version=os_version,
            os_features=tuple(os_features),
        )

    def __str__(self) -> str:
        version = f"({self.os_version})" if self.os_version else ""
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.os}{version}/{self.architecture}{variant}"

    @property
    def is_unknown(self) -> bool:
        """Tell whether this marks an attestation, which an index lists beside its images."""
        return self.os == "unknown" and self.architecture == "unknown"

    @property
    def lacking_features(self) -> list[str]:
        """Return the mandatory features of the operating system that are not here."""
        return [name for name in self.os_features if name not in _FEATURES.get(self.os, ())]


def host() -> Platform:
    """Return Linux on this machine's processor, the default platform of an image."""
    return Platform.of("linux", os.uname().machine)


def rank(wanted: Platform, offered: Platform) -> int | None:
    """Tell how well an offer suits: 0 is best, higher is worse, None is not at all."""
    if offered.os != wanted.os or offered.lacking_features:
        return None
    if wanted.os_version and not offered.os_version.startswith(wanted.os_version):
        return None
    offer = replace(offered, os_version="", os_features=())
    for position, candidate in enumerate(_runnable(wanted)):
        if candidate == offer:
            return position
    return None


def _runnable(wanted: Platform) -> list[Platform]:
    plain = replace(wanted, os_version="")
    runnable = [plain]
    if wanted.architecture == "amd64" and wanted.variant in _AMD64:
        runnable += [replace(plain, variant=level) for level in _below(_AMD64, wanted.variant)]
        runnable.append(replace(plain, variant=""))
    elif wanted.architecture == "arm":
        runnable += [replace(plain, variant=level) for level in _below(_ARM, wanted.variant)]
    elif wanted.architecture == "arm64":
        if wanted.variant:
            runnable.append(replace(plain, variant=""))
        runnable += [replace(plain, architecture="arm", variant=level) for level in _ARM[::-1]]
    return runnable


def _below(levels: tuple[str, ...], level: str) -> list[str]:
    return list(levels[: levels.index(level)][::-1]) if level in levels else []
