"""What can go wrong in pull.

PullError
  ReferenceSyntaxError   a text is not an image reference; says which part
  DigestSyntaxError      a text is not a digest, or has an unknown algorithm
  DigestMismatchError    bytes are not what their digest promises
  SizeMismatchError      there are more or fewer bytes than promised
  ManifestError          a manifest, an index or a config is malformed
    NoImageError         it is well-formed, but not an image, or not one that we can use
  NoPlatformError        the image exists, but not for the platform that was asked for
  CredentialsError       a credential file or helper can't be used
  RegistryError          a registry answered with a refusal
    NotFoundError        no such repository, tag, manifest or blob
    AccessDeniedError    not logged in, or not allowed
  TransportError         a registry could not be reached
    BrokenTransferError  an answer broke off; raised only if that happens too often
  LayoutError            a local layout or archive is not one, or lacks something
  CacheError             the cache directory can't be trusted or used
  OfflineError           something is not in the cache, and --offline forbids the network
  RestartedError         bytes that were read are void: open the blob again and reread it
  SettingError           an environment variable has a value that makes no sense
  OutputClosedError      standard output has no reader any more
  StandardInputError     standard input is closed, or does not hold what it should
  CancelledError         a download was given up because its image was closed, or a conversion
                         because its caller wanted no more of it

No message may hold a secret: URLs come in redacted (see `pull.spec.urls.redact`). Many hold text
from strangers: names, media types, servers' answers. `PullError` itself turns every message into
one line that is safe on a terminal, so that no error can forget to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pull.wording import in_short, shown
from pyext4.failure import PackageError

__all__ = [
    "AccessDeniedError",
    "BrokenTransferError",
    "CacheError",
    "CancelledError",
    "CredentialsError",
    "DigestMismatchError",
    "DigestSyntaxError",
    "LayoutError",
    "ManifestError",
    "NoImageError",
    "NoPlatformError",
    "NotFoundError",
    "OfflineError",
    "OutputClosedError",
    "PullError",
    "ReferenceSyntaxError",
    "RegistryError",
    "RestartedError",
    "SettingError",
    "SizeMismatchError",
    "StandardInputError",
    "TransportError",
]


_MESSAGE_CHARACTERS = 4000


class PullError(PackageError):
    """Any failure of pull that is not the operating system's own."""

    def __init__(self, message: str) -> None:
        super().__init__(in_short(shown(message), _MESSAGE_CHARACTERS))


class ReferenceSyntaxError(PullError):
    """A text does not name an image."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"invalid reference {in_short(text)!r}: {reason}")


class DigestSyntaxError(PullError):
    """A text is not a digest that we can check."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"invalid digest {in_short(text)!r}: {reason}")


class DigestMismatchError(PullError):
    """Bytes do not have the promised digest."""

    def __init__(self, what: str, *, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: digest does not match: expected {expected}, got {actual}")


class SizeMismatchError(PullError):
    """There are more or fewer bytes than promised."""

    def __init__(self, what: str, *, expected: int, actual: str | int) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: size does not match: expected {expected} bytes, got {actual}")


class ManifestError(PullError):
    """A manifest, index or config can't be used."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(f"{where}: {reason}")


class NoImageError(ManifestError):
    """A manifest is not of an image with a filesystem that we can use: an artifact, for example."""


class NoPlatformError(PullError):
    """The image does not exist for the requested platform."""

    def __init__(
        self, reference: str, *, wanted: str, available: Sequence[str], lacking: Sequence[str] = ()
    ) -> None:
        self.reference = reference
        self.wanted = wanted
        self.available = tuple(available)
        self.lacking = tuple(lacking)  # left out because of their os.features
        message = f"{reference}: no image for {wanted}"
        if lacking:
            message += f"; left out because of os.features: {', '.join(lacking)}"
        if available or not lacking:
            message += f"; choose one with --platform: {', '.join(available) or 'nothing'}"
        super().__init__(message)


class CredentialsError(PullError):
    """A place that should hold credentials can't be used."""

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        self.reason = reason
        super().__init__(f"{source}: {reason}")


class RegistryError(PullError):
    """A registry refused a request."""

    def __init__(self, url: str, *, status: int, detail: str = "", advice: str = "") -> None:
        self.url = url
        self.status = status
        self.detail = detail
        self.advice = advice
        message = f"{url}: the registry answered {status}"
        if detail:
            message += f" ({detail})"
        if advice:
            message += f"; {advice}"
        super().__init__(message)


class NotFoundError(RegistryError):
    """The registry has no such thing, or not for us."""


class AccessDeniedError(RegistryError):
    """The registry wants credentials, or different ones."""


class TransportError(PullError):
    """A request got no usable answer."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class BrokenTransferError(TransportError):
    """An answer's body ended before its end."""


class LayoutError(PullError):
    """A local layout or archive can't be used."""

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class CacheError(PullError):
    """The cache can't be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class OfflineError(PullError):
    """Something is not in the cache, and --offline forbids fetching it."""

    def __init__(self, reference: str, what: str) -> None:
        self.reference = reference
        self.what = what
        super().__init__(f"{reference}: not in the cache, pull it without --offline: {what}")


class RestartedError(PullError):
    """A download started over after a reader had read damaged bytes of an earlier run."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what}: damaged in the cache, downloading again")


class SettingError(PullError):
    """An environment variable makes no sense."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")


class CancelledError(PullError):
    """A download or a conversion was given up."""

    def __init__(self, what: str, work: str = "download") -> None:
        self.what = what
        super().__init__(f"{what}: {work} cancelled")


class OutputClosedError(PullError):
    """The reader of standard output has left, or there was none."""

    def __init__(self, reason: str = "nobody reads standard output any more") -> None:
        super().__init__(reason)


class StandardInputError(PullError):
    """Something should have come on standard input and has not."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"standard input: {reason}")
