"""Requests as values: from the command line, and from programs that call `pull.convert`.

Nothing heavy is imported here: a command line becomes a `Request` before anything else happens.
For the same reason these are named tuples: Python takes eight times as long to make a frozen
dataclass. Give their fields by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pull.changes.options import ChangeOptions
from pull.guest.options import BootOptions

if TYPE_CHECKING:
    from uuid import UUID

    from flatten.host_layers import Addition
    from flatten.text_layer import Text
    from pull.cache import Cache
    from pull.registry.options import Mirror, TransportOptions

__all__ = [
    "DEFAULT_DEVICE",
    "DEFAULT_JOBS",
    "REUSE_MODES",
    "STANDARD_OUTPUT",
    "ExportOptions",
    "FilesystemOptions",
    "ImageOptions",
    "Job",
    "LayerOptions",
    "Login",
    "RegistryOptions",
    "Request",
    "ReuseMode",
    "TalkOptions",
    "VerityRequest",
]

STANDARD_OUTPUT: Final = "-"
DEFAULT_JOBS: Final = 3
DEFAULT_DEVICE: Final = "/dev/vda"

ReuseMode = Literal["auto", "always", "never"]
"""Whether to begin with what was converted before, and to keep it for the next time."""
REUSE_MODES: Final[tuple[ReuseMode, ...]] = ("auto", "always", "never")


class ImageOptions(NamedTuple):
    """Which image, and where its blobs are kept."""

    platform: str | None = None  # None: Linux on this machine
    reuse: ReuseMode | None = None  # None: $PYEXT4_REUSE
    cache_dir: Path | None = None  # None: the user's
    offline: bool = False


class Login(NamedTuple):
    """Who we are to the registry; with neither, the login of docker or podman."""

    username: str | None = None  # the password is on standard input
    anonymous: bool = False


class RegistryOptions(NamedTuple):
    """How to reach registries."""

    login: Login = Login()
    transport: TransportOptions | None = None  # None: as it is by default
    mirrors: tuple[Mirror, ...] = ()
    jobs: int = DEFAULT_JOBS


class LayerOptions(NamedTuple):
    """What goes on top of the image's layers, and the limits for all layers."""

    additions: tuple[Addition | Text | Path, ...] = ()  # Path: a tar
    limits: Mapping[str, int] = MappingProxyType({})  # by the names of `flatten.Limits`
    strict: bool = False  # fail if something would be left out


class FilesystemOptions(NamedTuple):
    """How to make the filesystem; None leaves the choice to `pyext4` or the image."""

    size_bytes: int | None = None
    smallest: bool = False  # as small as the content allows
    free_bytes: int | None = None
    label: str = ""
    uuid: UUID | None = None
    profile: Literal["default", "compat", "readonly"] = "default"
    features: tuple[str, ...] = ()  # mke2fs's names, with ^ before those to remove
    block_size_bytes: int = 4096
    inodes: int | None = None
    bytes_per_inode: int | None = None
    reserved_percent: float = 0.0
    journal_bytes: int | None = None
    canonical: bool = False  # lay files out in the order of their names
    onto: Path | None = None  # write what differs from this image, as a qcow2 image


class VerityRequest(NamedTuple):
    """Hashes for dm-verity, appended to the filesystem."""

    root_hash: bytes | None = None  # the one that it must have
    device: str = DEFAULT_DEVICE  # what the guest calls the disk


class ExportOptions(NamedTuple):
    """Other outputs of the merged tree; a file may be STANDARD_OUTPUT."""

    listing: bool = False  # on standard output
    tar: str | None = None
    mtree: str | None = None
    sizes: str | None = None  # where the bytes are
    diff: Path | None = None  # an image to compare with, on standard output

    @property
    def any(self) -> bool:
        """Tell whether anything was asked for."""
        return self.listing or any(
            name is not None for name in (self.tar, self.mtree, self.sizes, self.diff)
        )

    @property
    def on_standard_output(self) -> bool:
        """Tell whether something of it goes there."""
        return self.listing or STANDARD_OUTPUT in (self.tar, self.mtree)

    def files(self) -> dict[str, str]:
        """Return the files that were asked for, by kind."""
        sizes = None if self.sizes == STANDARD_OUTPUT else self.sizes  # has no name then
        named = {"tar": self.tar, "mtree": self.mtree, "sizes": sizes}
        return {kind: name for kind, name in named.items() if name}


class Job(NamedTuple):
    """What to make from an image once it is found."""

    path: Path | None
    layers: LayerOptions
    filesystem: FilesystemOptions
    verity: VerityRequest | None
    boot: BootOptions
    exports: ExportOptions
    reuse: ReuseMode
    cache: Cache | None  # whose states of layers can be used
    source_date_epoch: int | None
    changes: ChangeOptions = ChangeOptions()
    measures: bool = False  # where the bytes are, though it may be written nowhere

    @property
    def changes_the_image(self) -> bool:
        """Tell whether anything differs from what the image's digest covers."""
        return bool(self.layers.additions) or self.boot.adds_a_layer or self.changes.any

    @property
    def places_late(self) -> bool:
        """Tell whether contents are placed when the whole tree is known.

        What is left out had its blocks between others: the smallest image has no such gaps.
        """
        asked = self.filesystem
        return asked.canonical or (asked.smallest and bool(self.changes.exclude))

    @property
    def measures_sizes(self) -> bool:
        """Tell whether it is to be noted where the bytes are."""
        return self.measures or self.exports.sizes is not None


class TalkOptions(NamedTuple):
    """What the command prints."""

    quiet: bool = False
    json: bool = False
    debug: bool = False


class Request(NamedTuple):
    """A whole command line."""

    reference: str
    output: Path | None = None  # None: no filesystem
    inspect: bool = False  # show what the image is, and nothing else
    image: ImageOptions = ImageOptions()
    layers: LayerOptions = LayerOptions()
    filesystem: FilesystemOptions = FilesystemOptions()
    verity: VerityRequest | None = None
    boot: BootOptions = BootOptions()
    registry: RegistryOptions = RegistryOptions()
    exports: ExportOptions = ExportOptions()
    talk: TalkOptions = TalkOptions()
    changes: ChangeOptions = ChangeOptions()
    measures: bool = False  # where the bytes are, for the JSON
