"""What is asked for, as values: by the command line, and by programs that call `pull.convert`.

Nothing heavy is imported here: a command line becomes a `Request` before anything else happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from pull.guest.options import BootOptions
from pull.registry.options import Mirror, TransportOptions

if TYPE_CHECKING:
    from flatten.host_layers import Addition

__all__ = [
    "DEFAULT_DEVICE",
    "DEFAULT_JOBS",
    "STANDARD_OUTPUT",
    "ExportOptions",
    "FilesystemOptions",
    "ImageOptions",
    "Job",
    "LayerOptions",
    "Login",
    "RegistryOptions",
    "Request",
    "TalkOptions",
    "VerityRequest",
]

STANDARD_OUTPUT: Final = "-"
DEFAULT_JOBS: Final = 3
DEFAULT_DEVICE: Final = "/dev/vda"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """Which image, and where its blobs are kept."""

    platform: str | None = None  # None: Linux on this machine
    cache_dir: Path | None = None  # None: the user's
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we are for the registry; neither: whom docker and podman know."""

    username: str | None = None  # the password is on standard input
    anonymous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How to reach registries."""

    login: Login = field(default_factory=Login)
    transport: TransportOptions = field(default_factory=TransportOptions)
    mirrors: tuple[Mirror, ...] = ()
    jobs: int = DEFAULT_JOBS


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions:
    """What is put on top of the image's layers, and what no layer may have."""

    additions: tuple[Addition | Path, ...] = ()  # Path: a tar
    limits: Mapping[str, int] = field(default_factory=dict)  # by the names of `flatten.Limits`
    strict: bool = False  # fail where something would be left out


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemOptions:
    """How the filesystem is made; None leaves the choice to `pyext4`, or to the image."""

    size_bytes: int | None = None
    smallest: bool = False  # as small as the content allows
    free_bytes: int | None = None
    label: str = ""
    uuid: UUID | None = None
    profile: Literal["default", "compat", "readonly"] = "default"
    features: tuple[str, ...] = ()  # mke2fs's names, ^ before those to remove
    block_size_bytes: int = 4096
    inodes: int | None = None
    bytes_per_inode: int | None = None
    reserved_percent: float = 0.0
    journal_bytes: int | None = None
    canonical: bool = False  # files in the order of their names


@dataclass(frozen=True, slots=True, kw_only=True)
class VerityRequest:
    """Hashes for dm-verity, appended to the filesystem."""

    root_hash: bytes | None = None  # that it must have
    device: str = DEFAULT_DEVICE  # what the guest calls the disk


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What else becomes of the merged tree; STANDARD_OUTPUT stands for a file too."""

    listing: bool = False  # on standard output
    tar: str | None = None
    mtree: str | None = None

    def files(self) -> dict[str, str]:
        """Return what was asked for under a name, by its kind."""
        named = {"tar": self.tar, "mtree": self.mtree}
        return {kind: name for kind, name in named.items() if name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be made of an image that is at hand."""

    path: Path | None
    layers: LayerOptions
    filesystem: FilesystemOptions
    verity: VerityRequest | None
    boot: BootOptions
    exports: ExportOptions
    source_date_epoch: int | None

    @property
    def changes_the_image(self) -> bool:
        """Tell whether anything is put on top of what the image's digest stands for."""
        return bool(self.layers.additions) or self.boot.adds_a_layer


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkOptions:
    """What the command says."""

    quiet: bool = False
    json: bool = False
    debug: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole command line."""

    reference: str
    output: Path | None = None  # None: no filesystem
    inspect: bool = False  # say what the image is, and nothing else
    image: ImageOptions = field(default_factory=ImageOptions)
    layers: LayerOptions = field(default_factory=LayerOptions)
    filesystem: FilesystemOptions = field(default_factory=FilesystemOptions)
    verity: VerityRequest | None = None
    boot: BootOptions = field(default_factory=BootOptions)
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    exports: ExportOptions = field(default_factory=ExportOptions)
    talk: TalkOptions = field(default_factory=TalkOptions)
