"""From a reference to an image that can be read.

    with pull("debian:12") as image:
        for layer in image.layers:          # oldest first
            with layer.open() as stream:    # compressed bytes, from the cache or still arriving
                ...

This file only gathers what users of the library import. `pull.pulling` tells the story of one pull,
and `pull.command` joins the three packages: `convert` writes a filesystem, as the program does.
What only `convert` needs is imported on first use.
"""

from __future__ import annotations

from pull.process import startup  # noqa: F401  # signals first: the rest takes long to import

# isort: split
from importlib import import_module
from typing import TYPE_CHECKING

from pull.errors import PullError
from pull.image import Layer, PulledImage
from pull.pulling import pull
from pull.spec.platforms import Platform
from pull.spec.reference import LocalReference, Reference, parse_reference
from pyext4.version import __version__

if TYPE_CHECKING:
    from pull.command.conversion import Converted, convert
    from pull.command.progress import DetailedProgress, Progress
    from pull.command.request import (
        ExportOptions,
        FilesystemOptions,
        ReuseMode,
        VerityRequest,
    )
    from pull.guest.options import BootOptions
    from pull.process.cancel import Cancel
    from pull.registry.credentials import Credentials
    from pull.registry.options import Mirror, TransportOptions
    from pyext4.failure import PackageError

__all__ = [
    "BootOptions",
    "Cancel",
    "Converted",
    "Credentials",
    "DetailedProgress",
    "ExportOptions",
    "FilesystemOptions",
    "Layer",
    "LocalReference",
    "Mirror",
    "PackageError",
    "Platform",
    "Progress",
    "PullError",
    "PulledImage",
    "Reference",
    "ReuseMode",
    "TransportOptions",
    "VerityRequest",
    "__version__",
    "convert",
    "parse_reference",
    "pull",
]

if not TYPE_CHECKING:
    _PLACES = {
        "BootOptions": "pull.guest.options",
        "Cancel": "pull.process.cancel",
        "Converted": "pull.command.conversion",
        "Credentials": "pull.registry.credentials",
        "DetailedProgress": "pull.command.progress",
        "ExportOptions": "pull.command.request",
        "FilesystemOptions": "pull.command.request",
        "PackageError": "pyext4.failure",
        "Mirror": "pull.registry.options",
        "Progress": "pull.command.progress",
        "ReuseMode": "pull.command.request",
        "TransportOptions": "pull.registry.options",
        "VerityRequest": "pull.command.request",
        "convert": "pull.command.conversion",
    }

    def __getattr__(name: str) -> object:
        """Import a name on first use: code that only pulls doesn't wait for the rest."""
        if name not in _PLACES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        found = getattr(import_module(_PLACES[name]), name)
        globals()[name] = found  # found directly the next time
        return found
